//! A connection to a broker, used without `async`.

use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, EventLoop, Incoming, LastWill, MqttOptions,
    NetworkOptions, Outgoing, QoS, StateError,
};
use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep_until, timeout};

use crate::deliver::courier::Undelivered;
use crate::deliver::target::Mqtt;
use crate::store::Signal;

/// From one sign of life to the next. A broker takes us for gone after one and a half of these.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How long a connection or a confirmation may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Largest message, both ways: a crop of the largest size, with room for its topic.
const MAX_PACKET_BYTES: usize = 3 << 20;

pub(super) struct Connection {
    runtime: Runtime,
    client: AsyncClient,
    events: EventLoop,
}

impl Connection {
    /// Connects; the broker publishes `offline`, retained, to `status` when it loses us.
    pub(super) fn open(options: &Mqtt, client_id: &str, status: &str) -> Result<Self, Undelivered> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Undelivered::again(error.to_string()))?;
        // Written before a port, an address of IPv6 needs its brackets.
        let host = if options.host.contains(':') {
            format!("[{}]", options.host)
        } else {
            options.host.clone()
        };
        let mut settings = MqttOptions::new(client_id, host, options.port);
        settings
            .set_keep_alive(KEEP_ALIVE)
            .set_clean_session(true)
            .set_max_packet_size(MAX_PACKET_BYTES, MAX_PACKET_BYTES)
            .set_last_will(LastWill::new(status, "offline", QoS::AtLeastOnce, true));
        if let Some(user) = &options.user {
            let password = options.password.as_ref();
            settings.set_credentials(user, password.map_or("", |password| password.reveal()));
        }
        let (client, mut events) = AsyncClient::new(settings, 4);
        let mut network = NetworkOptions::new();
        network.set_connection_timeout(PATIENCE.as_secs());
        network.set_tcp_nodelay(true);
        events.set_network_options(network);
        runtime
            .block_on(connect(&mut events))
            .map_err(Undelivered::again)?;
        Ok(Self {
            runtime,
            client,
            events,
        })
    }

    /// Publishes at `QoS` 1 and waits until the broker has confirmed it.
    pub(super) fn publish(
        &mut self,
        topic: &str,
        payload: Vec<u8>,
        retain: bool,
    ) -> Result<(), Undelivered> {
        self.client
            .try_publish(topic, QoS::AtLeastOnce, retain, payload)
            .map_err(|_| Undelivered::again("the broker takes no more messages"))?;
        self.runtime
            .block_on(confirmed(&mut self.events))
            .map_err(Undelivered::again)
    }

    /// Keeps the connection alive until `signal` has risen beyond `seen`, or until `timeout`.
    pub(super) fn wait(
        &mut self,
        signal: &Signal,
        seen: u64,
        timeout: Duration,
    ) -> Result<(), Undelivered> {
        let events = &mut self.events;
        let waited = self.runtime.block_on(async {
            let end = Instant::now() + timeout;
            loop {
                tokio::select! {
                    () = signal.risen(seen) => return Ok(()),
                    () = sleep_until(end) => return Ok(()),
                    polled = events.poll() => polled?,
                };
            }
        });
        waited.map_err(|error: ConnectionError| Undelivered::again(explain(&error)))
    }

    /// Disconnects, so that the broker keeps our last will to itself.
    pub(super) fn close(mut self) {
        if self.client.try_disconnect().is_err() {
            return;
        }
        let events = &mut self.events;
        let bye = async {
            loop {
                match events.poll().await {
                    Ok(rumqttc::Event::Outgoing(Outgoing::Disconnect)) | Err(_) => return,
                    Ok(_) => {}
                }
            }
        };
        self.runtime.block_on(async {
            // Nothing can be done about a broker that does not answer.
            let _ = timeout(Duration::from_secs(1), bye).await;
        });
    }
}

async fn connect(events: &mut EventLoop) -> Result<(), String> {
    loop {
        match timeout(PATIENCE, events.poll()).await {
            Ok(Ok(rumqttc::Event::Incoming(Incoming::ConnAck(_)))) => return Ok(()),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(explain(&error)),
            Err(_) => return Err("no answer in time".to_owned()),
        }
    }
}

/// Waits for the confirmation of the message that goes out next.
async fn confirmed(events: &mut EventLoop) -> Result<(), String> {
    let mut sent = None;
    let end = Instant::now() + PATIENCE;
    loop {
        match tokio::time::timeout_at(end, events.poll()).await {
            Ok(Ok(rumqttc::Event::Outgoing(Outgoing::Publish(id)))) => sent = Some(id),
            Ok(Ok(rumqttc::Event::Incoming(Incoming::PubAck(ack)))) if sent == Some(ack.pkid) => {
                return Ok(());
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(explain(&error)),
            Err(_) => return Err("the broker did not confirm in time".to_owned()),
        }
    }
}

/// What went wrong, in words.
fn explain(error: &ConnectionError) -> String {
    match error {
        ConnectionError::ConnectionRefused(code) => match code {
            ConnectReturnCode::BadUserNamePassword => {
                "the broker does not accept the user's password".to_owned()
            }
            ConnectReturnCode::NotAuthorized => {
                "the broker does not let this user in, or wants one".to_owned()
            }
            ConnectReturnCode::ServiceUnavailable => "the broker is not ready".to_owned(),
            _ => format!("the broker refused the connection ({code:?})"),
        },
        ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => {
            "no answer in time".to_owned()
        }
        ConnectionError::Io(error) | ConnectionError::MqttState(StateError::Io(error)) => {
            error.to_string()
        }
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            "the broker closed the connection".to_owned()
        }
        ConnectionError::MqttState(StateError::AwaitPingResp) => {
            "the broker shows no sign of life".to_owned()
        }
        other => other.to_string(),
    }
}
