//! The listening socket, plain or with TLS, on a thread and runtime of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::server::TlsStream;

/// The thread that serves; it ends with this.
pub(crate) struct Serving {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A certificate for `localhost` and `127.0.0.1` that signs itself, and its key.
pub(crate) struct Certificate {
    pub(crate) pem: String,
    der: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("certificate");
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        Self { pem: made.cert.pem(), der: made.cert.der().clone(), key: key.into() }
    }

    /// Where a client can be told to trust it.
    pub(crate) fn write_to(&self, path: PathBuf) -> PathBuf {
        std::fs::write(&path, &self.pem).expect("certificate");
        path
    }
}

/// Takes a free port; nobody is answered yet.
pub(crate) fn bind() -> (std::net::TcpListener, u16) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("non-blocking");
    let port = listener.local_addr().expect("address").port();
    (listener, port)
}

/// Answers until the value is dropped.
pub(crate) fn serve(
    listener: std::net::TcpListener,
    certificate: Option<&Certificate>,
    router: axum::Router,
) -> Serving {
    let (stop, stopped) = oneshot::channel::<()>();
    let tls = certificate.map(|certificate| {
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("TLS");
        let config = config.with_no_client_auth();
        let config =
            config.with_single_cert(vec![certificate.der.clone()], certificate.key.clone_key()).expect("certificate");
        TlsAcceptor::from(Arc::new(config))
    });
    let thread = std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runtime");
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).expect("listener");
            let limit = axum::extract::DefaultBodyLimit::max(64 << 20);
            let router = router.layer(limit);
            let serving = async move {
                match tls {
                    Some(tls) => axum::serve(TlsListener { listener, tls }, router).await,
                    None => axum::serve(listener, router).await,
                }
            };
            tokio::select! {
                served = serving => served.expect("serve"),
                _ = stopped => {}
            }
        });
        runtime.shutdown_background();
    });
    Serving { stop: Some(stop), thread: Some(thread) }
}

struct TlsListener {
    listener: TcpListener,
    tls: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            // a client that does not trust the certificate goes away; the next one is served
            if let Ok(stream) = self.tls.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
