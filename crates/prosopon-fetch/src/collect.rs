//! Many pictures from the web: few at a time, slowly at each host, and not twice.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{FetchError, FolderError};
use crate::folder::Folder;
use crate::location::Location;
use crate::manifest::{Entry, Source, Status};
use crate::network::{Answer, Body, Deadline, Network, Request, Validators};
use crate::page::pictures_of;
use crate::picture::{self, PictureLimits};
use crate::{names, workers};

/// How the collector calls itself.
const USER_AGENT: &str = concat!("prosopon/", env!("CARGO_PKG_VERSION"));

/// Largest web page in bytes. The largest ones that people read have a tenth of it.
const MAX_PAGE_BYTES: u64 = 10 << 20;

/// Longest time that a server may ask us to wait; who asks for more is not asked again in this run.
const MAX_PATIENCE: Duration = Duration::from_mins(1);

/// First pause after a failure that may pass; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// How the collector behaves.
#[derive(Debug, Clone, Copy)]
pub struct CollectOptions {
    /// Pictures that are fetched at a time.
    pub at_once: usize,
    /// Least time from one request to the next to the same host.
    pub delay: Duration,
    /// Longest time for one request, redirects and body included.
    pub timeout: Duration,
    /// How often a request is repeated that may succeed later.
    pub retries: u32,
    /// Asks again for pictures that are there, in case they have changed.
    pub refresh: bool,
    /// What is kept as a picture.
    pub limits: PictureLimits,
}

impl Default for CollectOptions {
    fn default() -> Self {
        Self {
            at_once: 4,
            delay: Duration::from_millis(500),
            timeout: Duration::from_mins(1),
            retries: 2,
            refresh: false,
            limits: PictureLimits::default(),
        }
    }
}

/// An address that a picture is wanted from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The address, as somebody gave it.
    pub address: String,
    /// The page that names it.
    pub page: Option<String>,
}

impl Wanted {
    /// An address that no page names.
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            page: None,
        }
    }
}

/// Fetches pictures into a folder.
pub struct Collector<'a> {
    network: &'a Network,
    folder: &'a Folder,
    options: CollectOptions,
    pace: Pace,
}

impl<'a> Collector<'a> {
    /// A collector that keeps what it finds in `folder`.
    pub fn new(network: &'a Network, folder: &'a Folder, options: CollectOptions) -> Self {
        Self {
            network,
            folder,
            options,
            pace: Pace {
                delay: options.delay,
                next: Mutex::default(),
            },
        }
    }

    /// The pictures that pages show and link to, each once. A page that cannot be had, or shows none,
    /// is an entry of the manifest, given to `on_done`.
    ///
    /// # Errors
    /// [`FolderError::Write`].
    pub fn pages(
        &self,
        addresses: &[String],
        on_done: &(dyn Fn(&Entry) + Sync),
    ) -> Result<Vec<Wanted>, FolderError> {
        let mut wanted = BTreeMap::new();
        let mut order = 0;
        for address in addresses {
            let entry = match self.page(address) {
                Ok(found) if found.is_empty() => {
                    let source = Source::Url(address.clone());
                    let entry = Entry::new(source, Status::Skipped);
                    entry.because("no_pictures", "expected pictures on the page, found none")
                }
                Ok(found) => {
                    for picture in found {
                        order += 1;
                        let page = Some(address.clone());
                        wanted.entry(picture.to_string()).or_insert((order, page));
                    }
                    continue;
                }
                Err(error) => failure(Source::Url(address.clone()), None, &error),
            };
            on_done(&self.folder.note(entry)?);
        }
        let mut wanted: Vec<_> = wanted.into_iter().collect();
        wanted.sort_by_key(|(_, (order, _))| *order);
        let wanted = wanted.into_iter();
        Ok(wanted
            .map(|(address, (_, page))| Wanted { address, page })
            .collect())
    }

    fn page(&self, address: &str) -> Result<Vec<Location>, FetchError> {
        let location = Location::parse(address)?;
        let accept = "text/html, application/xhtml+xml, */*;q=0.1";
        match self.ask(&location, accept, MAX_PAGE_BYTES, None)? {
            Answer::Body(body) => Ok(pictures_of(&body.bytes, &body.location)),
            Answer::NotModified => Ok(Vec::new()),
        }
    }

    /// Fetches all that is wanted, each address once; `on_done` is told of each when it is done, from
    /// several threads. What cannot be had is an entry, not an error.
    ///
    /// # Errors
    /// [`FolderError::Write`], which ends the run.
    pub fn fetch(
        &self,
        wanted: Vec<Wanted>,
        on_done: &(dyn Fn(&Entry) + Sync),
    ) -> Result<(), FolderError> {
        workers::run(by_turns(wanted), self.options.at_once, |wanted| {
            on_done(&self.one(&wanted)?);
            Ok(())
        })
    }

    fn one(&self, wanted: &Wanted) -> Result<Entry, FolderError> {
        let source = Source::Url(wanted.address.clone());
        let known = self.folder.present(&source).map(|entry| Entry {
            status: Status::Present,
            ..entry
        });
        if let Some(entry) = &known
            && !self.options.refresh
        {
            return Ok(entry.clone());
        }
        let validators = known.as_ref().map(|entry| &entry.validators);
        let validators = validators.filter(|validators| !validators.is_empty());
        let accept = "image/jpeg, image/png, image/webp, image/*;q=0.8, */*;q=0.5";
        let most = self.options.limits.decode.file_bytes;
        let answer = Location::parse(&wanted.address)
            .and_then(|location| self.ask(&location, accept, most, validators));
        let body = match (answer, known) {
            (Ok(Answer::Body(body)), _) => body,
            (Ok(Answer::NotModified), Some(entry)) => return Ok(entry),
            (Ok(Answer::NotModified), None) => {
                let error = FetchError::Status {
                    status: 304,
                    retry_after: None,
                };
                let entry = failure(source, wanted.page.clone(), &error);
                return self.folder.note(entry);
            }
            (Err(error), _) => {
                let entry = failure(source, wanted.page.clone(), &error);
                return self.folder.note(entry);
            }
        };
        let entry = Entry {
            page: wanted.page.clone(),
            ..Entry::new(source, Status::Skipped)
        };
        self.keep(entry, body)
    }

    fn keep(&self, entry: Entry, body: Body) -> Result<Entry, FolderError> {
        let entry = Entry {
            validators: body.validators,
            bytes: Some(body.bytes.len() as u64),
            ..entry
        };
        match picture::check(&body.bytes, &self.options.limits) {
            Ok(format) => {
                let stem = names::stem_of_path(body.location.path());
                self.folder.keep(entry, &body.bytes, format, "", &stem)
            }
            Err(unwanted) => self.folder.note(entry.because(unwanted.code(), unwanted)),
        }
    }

    /// Asks when it is the host's turn, and again after failures that may pass.
    fn ask(
        &self,
        location: &Location,
        accept: &str,
        max_bytes: u64,
        validators: Option<&Validators>,
    ) -> Result<Answer, FetchError> {
        let host = format!("{}:{}", location.host(), location.port());
        let mut pause = FIRST_PAUSE;
        for left in (0..=self.options.retries).rev() {
            self.pace.wait(&host);
            let request = Request {
                accept,
                user_agent: USER_AGENT,
                max_bytes,
                deadline: Deadline::after(self.options.timeout),
                validators,
            };
            let error = match self.network.fetch(location.clone(), &request) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let asked = match &error {
                FetchError::Status { retry_after, .. } => *retry_after,
                _ => None,
            };
            let wait = asked.unwrap_or(pause);
            if error.may_pass() && asked.is_some() {
                // All of this host's pictures wait, not this one alone.
                self.pace.hold(&host, wait.min(MAX_PATIENCE));
            }
            if left == 0 || !error.may_pass() || wait > MAX_PATIENCE {
                return Err(error);
            }
            if asked.is_none() {
                thread::sleep(wait);
            }
            pause *= 2;
        }
        // Not reached: the last turn returns.
        Err(FetchError::Unreachable {
            found: "no connection",
        })
    }
}

fn failure(source: Source, page: Option<String>, error: &FetchError) -> Entry {
    Entry {
        page,
        ..Entry::new(source, Status::Failed).because(error.code(), error)
    }
}

/// When each host may be asked next.
struct Pace {
    delay: Duration,
    next: Mutex<BTreeMap<String, Instant>>,
}

impl Pace {
    /// Waits for the host's turn, and takes it.
    fn wait(&self, host: &str) {
        let now = Instant::now();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = next.get(host).map_or(now, |turn| (*turn).max(now));
        next.insert(host.to_owned(), turn + self.delay);
        drop(next);
        thread::sleep(turn - now);
    }

    /// Leaves the host alone for a while.
    fn hold(&self, host: &str, time: Duration) {
        let until = Instant::now() + time;
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = next.entry(host.to_owned()).or_insert(until);
        *turn = (*turn).max(until);
    }
}

/// Each address once, the hosts taking turns, so that a slow one holds up the others little.
fn by_turns(wanted: Vec<Wanted>) -> Vec<Wanted> {
    let mut seen = std::collections::BTreeSet::new();
    let mut hosts: Vec<(String, VecDeque<Wanted>)> = Vec::new();
    let mut index = BTreeMap::new();
    for wanted in wanted {
        if !seen.insert(wanted.address.clone()) {
            continue;
        }
        let host = Location::parse(&wanted.address).map(|l| l.host().to_owned());
        let host = host.unwrap_or_default();
        let at = *index.entry(host.clone()).or_insert_with(|| {
            hosts.push((host, VecDeque::new()));
            hosts.len() - 1
        });
        hosts[at].1.push_back(wanted);
    }
    let mut turns = Vec::with_capacity(seen.len());
    while !hosts.is_empty() {
        turns.extend(hosts.iter_mut().filter_map(|(_, queue)| queue.pop_front()));
        hosts.retain(|(_, queue)| !queue.is_empty());
    }
    turns
}

#[cfg(test)]
mod tests;
