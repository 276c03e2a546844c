//! `prosopon keys`: who may use the server.

use std::io::Read as _;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Subcommand;
use prosopon_models::Store;
use prosopon_server::{DatabaseError, KeyId, KeyRecord, KeyStore, NewKey, SERVER_DB, Scope};
use serde_json::json;

use crate::args::OutputArgs;
use crate::failure::{Exit, Failure};
use crate::output::{eprint, print_value};

/// Make, list and revoke the server's API keys
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon keys create admin --scope admin
  prosopon keys create front-door --scope identify --gallery home --days 365
  prosopon keys create old-client --scope enrol --secret-from-stdin < key.txt
  prosopon keys revoke 3

A key is shown once, when it is made; only its hash is kept. A running server knows of changes at \
once.")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    database: ServerDbArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Where the server keeps its own records.
#[derive(Debug, clap::Args)]
pub(crate) struct ServerDbArgs {
    /// File of keys and audit log; `server.db` in the data directory by default
    #[arg(long, value_name = "FILE", env = "PROSOPON_SERVER_DB", global = true)]
    server_db: Option<PathBuf>,
}

impl ServerDbArgs {
    pub(crate) fn path(&self) -> Result<PathBuf, Failure> {
        if let Some(path) = &self.server_db {
            return Ok(path.clone());
        }
        let home = Store::open()?.home().to_path_buf();
        std::fs::create_dir_all(&home).map_err(|error| Failure::write(home.display(), &error))?;
        Ok(home.join(SERVER_DB))
    }
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key and show it, this once
    Create {
        /// What to call it
        name: String,
        /// What it is for; `enrol` includes `identify`, `admin` all
        #[arg(
            long,
            value_name = "identify|enrol|cameras|admin",
            default_value = "identify",
            value_delimiter = ','
        )]
        scope: Vec<Scope>,
        /// The only gallery that it is for
        #[arg(long, value_name = "NAME")]
        gallery: Option<String>,
        /// Days after which it ends
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=36500))]
        days: Option<i64>,
        /// Take over a key that clients have already, a UUID, from standard input
        #[arg(long)]
        secret_from_stdin: bool,
    },
    /// Show all keys, never the keys themselves
    List,
    /// Make a key useless
    Revoke {
        /// Its number
        id: i64,
    },
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Invalid { .. } => Self::new(Exit::Usage, "invalid_key", error),
            error => {
                let hint = error.hint();
                let failure = Self::new(Exit::Storage, "server_db", error);
                match hint {
                    Some(hint) => failure.with_hint(hint),
                    None => failure,
                }
            }
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let store = KeyStore::open(&args.database.path()?)?;
    let format = args.output.format();
    match &args.action {
        Action::Create {
            name,
            scope,
            gallery,
            days,
            secret_from_stdin,
        } => {
            let (record, key) = store.create(&NewKey {
                name: name.clone(),
                scopes: scope.clone(),
                gallery: gallery.clone(),
                expires_millis: days.map(|days| now_millis() + days * 86_400_000),
                secret: secret_from_stdin.then(read_secret).transpose()?,
            })?;
            print_value(
                format,
                &json!({"id": record.id, "name": record.name, "key": key}),
                || key.clone(),
            )?;
            if format.is_text() {
                // Beside standard output, so that `KEY=$(prosopon keys create …)` is the key alone.
                eprint(&format!(
                    "key {} `{}`: shown this once; send it as `x-api-key`",
                    record.id, record.name
                ));
            }
        }
        Action::List => {
            let keys = store.list()?;
            print_value(format, &json!({ "keys": keys }), || {
                if keys.is_empty() {
                    return "no keys".to_owned();
                }
                keys.iter().map(describe).collect::<Vec<_>>().join("\n")
            })?;
        }
        Action::Revoke { id } => {
            if !store.revoke(KeyId(*id))? {
                return Err(
                    Failure::new(Exit::Usage, "unknown_key", format!("unknown key {id}"))
                        .with_hint("`prosopon keys list` shows all keys"),
                );
            }
            print_value(format, &json!({"id": id, "revoked": true}), || {
                format!("key {id} is useless now")
            })?;
        }
    }
    Ok(Exit::Success)
}

fn read_secret() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .take(1000)
        .read_to_string(&mut text)
        .map_err(|error| {
            Failure::new(
                Exit::Usage,
                "unreadable_key",
                format!("could not read the key: {error}"),
            )
        })?;
    Ok(text.trim().to_owned())
}

fn describe(key: &KeyRecord) -> String {
    let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    let mut text = format!("{:>4}  {}  {}", key.id.0, key.name, scopes.join(","));
    if let Some(gallery) = &key.gallery {
        text += &format!("  gallery {gallery}");
    }
    let days = |millis: i64| (millis - now_millis()) / 86_400_000;
    if key.revoked {
        text += "  revoked";
    } else if let Some(end) = key.expires_millis {
        text += &if end <= now_millis() {
            "  expired".to_owned()
        } else {
            format!("  {} days left", days(end))
        };
    }
    match key.last_used_millis {
        Some(last) => text += &format!("  used {} days ago", -days(last)),
        None => text += "  never used",
    }
    text
}

/// Milliseconds since 1970-01-01 UTC.
pub(crate) fn now_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}
