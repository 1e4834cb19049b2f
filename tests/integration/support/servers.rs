//! etcd, kube-apiserver and kube-controller-manager on loopback: started once for the whole test process, and gone with
//! it however it ends. (A second time without kube-controller-manager, where a test asks for that.)

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// The two cores may be busy with the tests of others.
const PATIENCE: Duration = Duration::from_secs(120);

/// Starts `"$@"` and kills it as soon as standard input ends: the other end of that pipe is held by the test process,
/// and the kernel closes it even where the process is killed. The folder goes with the server that is named to own it.
const LEASH: &str = r#"
trap '' INT TERM HUP
folder=$1; shift
"$@" </dev/null & server=$!
cat >/dev/null
kill -KILL $server; wait $server
[ -z "$folder" ] || rm -rf "$folder"
"#;

/// What the administrator's kubeconfig says.
const ADMIN_TOKEN: &str = "the-administrator-of-a-cluster-that-lives-for-one-test-run";

/// Who did what to which resource, without bodies.
const AUDIT_POLICY: &str =
    "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n";

/// The running servers.
pub(super) struct Servers {
    /// Certificates, logs, data.
    pub(super) folder: PathBuf,
    /// Address of the API server.
    pub(super) address: String,
    /// The pipes that the servers live by.
    leashes: Vec<Child>,
}

impl Servers {
    /// Starts the servers, with kube-controller-manager or without; once more where somebody took a port meanwhile.
    pub(super) fn start(controllers: bool) -> Self {
        let mut last = String::new();
        for _ in 0..3 {
            match Self::attempt(controllers) {
                Ok(servers) => return servers,
                Err(logs) => last = logs,
            }
        }
        panic!("the API server did not start:\n{last}");
    }

    fn attempt(controllers: bool) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("trueup-cluster-").tempdir().expect("folder").keep();
        let [etcd, peers, secure] = free_ports();
        let (etcd, peers) = (format!("http://127.0.0.1:{etcd}"), format!("http://127.0.0.1:{peers}"));
        let address = format!("https://127.0.0.1:{secure}");
        write_certificates(&folder);
        let put = |name: &str, text: &str| fs::write(folder.join(name), text).expect("write");
        put("tokens.csv", &format!("{ADMIN_TOKEN},admin,admin,\"system:masters\"\n"));
        put("audit-policy.yaml", AUDIT_POLICY);
        put("admin.kubeconfig", &kubeconfig(&address, Some(&folder.join("ca.crt")), ADMIN_TOKEN));
        let leashes = vec![
            leash(&folder, "etcd", &etcd_flags(&etcd, &peers)),
            leash(&folder, "kube-apiserver", &api_server_flags(&etcd, secure)),
        ];
        let mut servers = Self { folder, address, leashes };
        servers.wait_until_ready()?;
        if controllers {
            // it gives up where it has to wait for the API server
            let manager = leash(&servers.folder, "kube-controller-manager", &controller_manager_flags());
            servers.leashes.push(manager);
        }
        Ok(servers)
    }

    fn wait_until_ready(&self) -> Result<(), String> {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            let kubeconfig = self.folder.join("admin.kubeconfig");
            let asked = Command::new(tools().join("kubectl"))
                .args(["get", "--raw", "/readyz", "--request-timeout=5s", "--kubeconfig"])
                .arg(kubeconfig)
                .output()
                .expect("kubectl starts");
            if asked.status.success() {
                return Ok(());
            }
            let logs = self.logs();
            if logs.contains("address already in use") || logs.contains("\"command failed\"") {
                break;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Err(self.logs())
    }

    /// The end of each log.
    fn logs(&self) -> String {
        let tail = |name: &&str| {
            let log = fs::read_to_string(self.folder.join(format!("{name}.log"))).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            format!("── {name} ──\n{}\n", lines[lines.len().saturating_sub(25)..].join("\n"))
        };
        ["etcd", "kube-apiserver"].iter().map(tail).collect()
    }
}

/// The folder with the servers and kubectl: as `make test` says it, else from the script that builds them once.
pub(crate) fn tools() -> &'static Path {
    static TOOLS: OnceLock<PathBuf> = OnceLock::new();
    TOOLS.get_or_init(|| std::env::var_os("TRUEUP_TEST_SERVERS").map_or_else(built_tools, PathBuf::from))
}

fn built_tools() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/build.sh");
    let built = Command::new(script).stderr(Stdio::inherit()).output().expect("tests/cluster/build.sh starts");
    assert!(built.status.success(), "tests/cluster/build.sh failed");
    String::from_utf8(built.stdout).expect("a path").trim().into()
}

/// A kubeconfig with one context.
pub(super) fn kubeconfig(address: &str, authority: Option<&Path>, token: &str) -> String {
    let authority = authority.map(|file| format!(", certificate-authority: {:?}", file.display().to_string()));
    let authority = authority.unwrap_or_default();
    format!(
        "apiVersion: v1\nkind: Config\nclusters: [{{name: test, cluster: {{server: \"{address}\"{authority}}}}}]\n\
         users: [{{name: test, user: {{token: \"{token}\"}}}}]\n\
         contexts: [{{name: test, context: {{cluster: test, user: test}}}}]\ncurrent-context: test\n"
    )
}

fn leash(folder: &Path, name: &str, flags: &[String]) -> Child {
    let log = File::create(folder.join(format!("{name}.log"))).expect("log");
    let owned = if name == "etcd" { folder.as_os_str() } else { "".as_ref() };
    Command::new("/bin/sh")
        .args(["-c", LEASH, "leash"])
        .arg(owned)
        .arg(tools().join(name))
        .args(flags)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(log.try_clone().expect("log"))
        .stderr(log)
        .spawn()
        .expect("/bin/sh starts")
}

fn flags(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn etcd_flags(clients: &str, peers: &str) -> Vec<String> {
    flags(&format!(
        "--data-dir=etcd --unsafe-no-fsync --log-level=warn --listen-client-urls={clients} --advertise-client-urls={clients} \
         --listen-peer-urls={peers} --initial-advertise-peer-urls={peers} --initial-cluster=default={peers}"
    ))
}

fn api_server_flags(etcd: &str, port: u16) -> Vec<String> {
    flags(&format!(
        "--etcd-servers={etcd} --bind-address=127.0.0.1 --advertise-address=127.0.0.1 --secure-port={port} \
         --endpoint-reconciler-type=none --cert-dir=. --tls-cert-file=tls.crt --tls-private-key-file=tls.key \
         --client-ca-file=ca.crt --token-auth-file=tokens.csv --authorization-mode=RBAC \
         --service-account-issuer=https://kubernetes.default.svc --service-account-key-file=accounts.pub \
         --service-account-signing-key-file=accounts.key --service-cluster-ip-range=10.0.0.0/16 --allow-privileged=true \
         --audit-policy-file=audit-policy.yaml --audit-log-path=audit.jsonl"
    ))
}

fn controller_manager_flags() -> Vec<String> {
    flags(
        "--kubeconfig=admin.kubeconfig --use-service-account-credentials=true --leader-elect=false --secure-port=0 \
         --controllers=* --service-account-private-key-file=accounts.key --root-ca-file=ca.crt",
    )
}

/// Ports that nobody listens on; held all at once, so that they differ.
fn free_ports<const N: usize>() -> [u16; N] {
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    held.map(|listener| listener.local_addr().expect("bound").port())
}

/// An authority, the API server's certificate, and the key that signs the tokens of ServiceAccounts.
fn write_certificates(folder: &Path) {
    let put = |name: &str, pem: String| fs::write(folder.join(name), pem).expect("write");
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "trueup-test-authority");
    let key = KeyPair::generate().expect("key");
    put("ca.crt", authority.self_signed(&key).expect("certificate").pem());
    let issuer = Issuer::new(authority, key);
    let names = ["127.0.0.1", "10.0.0.1", "localhost", "kubernetes.default.svc"].map(str::to_owned);
    let mut server = CertificateParams::new(names).expect("names");
    server.distinguished_name.push(DnType::CommonName, "kube-apiserver");
    let key = KeyPair::generate().expect("key");
    put("tls.crt", server.signed_by(&key, &issuer).expect("certificate").pem());
    put("tls.key", key.serialize_pem());
    let key = KeyPair::generate().expect("key");
    put("accounts.key", key.serialize_pem());
    put("accounts.pub", key.public_key_pem());
}
