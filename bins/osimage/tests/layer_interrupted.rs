//! `osimage layer build` that is interrupted, or whose network breaks, at each stage; and run by somebody who
//! is not root. With the real buildah and docker-registry; skipped, loudly, where one is missing.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it should be"
)]

mod layer_place;
mod layer_support;
#[path = "../../machine-os-builder/tests/support/registry.rs"]
mod registry;

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use layer_place::{Place, Run};

/// A network between builders and the registry that can stop.
struct Network {
    host: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// How many bytes pass before it stops.
    left: AtomicU64,
    /// Whether connections end then, instead of standing still.
    cuts: AtomicBool,
    /// Whether it is to stop at all.
    stops: AtomicBool,
}

impl Network {
    /// One that leads to a registry.
    fn to(registry: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State::default());
        let (shared, registry) = (Arc::clone(&state), registry.to_owned());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&registry) else {
                    continue;
                };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let state = Arc::clone(&shared);
                    std::thread::spawn(move || pass(from, to, &state));
                }
            }
        });
        Self { host, state }
    }

    /// From now on so many bytes pass, and then no more.
    fn stop_after(&self, bytes: u64, cuts: bool) {
        self.state.left.store(bytes, Ordering::SeqCst);
        self.state.cuts.store(cuts, Ordering::SeqCst);
        self.state.stops.store(true, Ordering::SeqCst);
    }

    fn mend(&self) {
        self.state.stops.store(false, Ordering::SeqCst);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, state: &State) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read) = from.read(&mut buffer) {
        if read == 0 {
            break;
        }
        if state.stops.load(Ordering::SeqCst) {
            let bytes = u64::try_from(read).unwrap();
            let take = |left: u64| left.checked_sub(bytes);
            let passes = state
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take);
            while passes.is_err() && state.stops.load(Ordering::SeqCst) {
                if state.cuts.load(Ordering::SeqCst) {
                    from.shutdown(Shutdown::Both).ok();
                    to.shutdown(Shutdown::Both).ok();
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        if to.write_all(buffer.get(..read).unwrap()).is_err() {
            break;
        }
    }
    to.shutdown(Shutdown::Write).ok();
}

/// A build through a network.
struct Build<'p> {
    place: &'p Place,
    network: Network,
}

impl Build<'_> {
    fn command(&self) -> Command {
        let image = |path: &str| format!("{}/{path}", self.network.host);
        let digest = self.place.base.rsplit_once('@').unwrap().1;
        let base = format!("{}@{digest}", image("release/os"));
        let mut command = self
            .place
            .command("build", &["--pool", "worker", "--builder", "buildah"]);
        command
            .arg(self.place.path("context"))
            .args(["--push", &image("org/os:worker"), "--base", &base])
            .arg("--authfile")
            .arg(self.place.path("network.json"))
            .arg("--registry-ca")
            .arg(self.place.registry.certificate());
        command
    }

    fn run(&self) -> Run {
        Run::of(&self.command().output().unwrap())
    }

    /// Begins it; once a line with `stage` is printed the network stops, and once nothing moves any more
    /// it is interrupted.
    fn interrupt_at(&self, stage: &str, bytes: u64) -> Run {
        let run = self.run_to(stage, |child| {
            self.network.stop_after(bytes, false);
            std::thread::sleep(Duration::from_millis(700));
            let id = child.id().to_string();
            Command::new("kill").args(["-INT", &id]).status().unwrap();
        });
        self.network.mend();
        run
    }

    /// Begins it, does something once a line with `stage` is printed, and waits for its end.
    fn run_to(&self, stage: &str, then: impl FnOnce(&Child)) -> Run {
        let mut command = self.command();
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut stderr = String::new();
        while !stderr.lines().any(|line| line.contains(stage)) {
            assert!(
                lines.read_line(&mut stderr).unwrap() > 0,
                "no {stage}: {stderr}"
            );
        }
        then(&child);
        lines.read_to_string(&mut stderr).unwrap();
        Run {
            code: child.wait().unwrap().code().unwrap_or(-1),
            stdout: String::new(),
            stderr,
        }
    }
}

#[test]
fn il_780_an_interruption_leaves_nothing_behind_at_any_stage_and_the_next_build_completes() {
    let Some(place) = Place::new() else {
        return;
    };
    let network = Network::to(&place.registry.host);
    let auth = place.registry.credentials(registry::PASSWORD);
    let auth = auth.replace(&place.registry.host, &network.host);
    fs::write(place.path("network.json"), auth).unwrap();
    // A layer that is larger than what passes; it cannot be packed.
    let mut noise = vec![0; 4 << 20];
    fs::File::open("/dev/urandom")
        .unwrap()
        .read_exact(&mut noise)
        .unwrap();
    fs::write(place.path("context/noise"), noise).unwrap();
    place.write("Containerfile", "FROM configs\nCOPY noise /noise\n");
    let build = Build {
        place: &place,
        network,
    };
    for (stage, bytes) in [("pull: ", 200_000), ("push: ", 1_000_000)] {
        let interrupted = build.interrupt_at(stage, bytes);
        interrupted.check(130, &["interrupted: "]);
        place.check_clean();
        // What was pushed in part is no image.
        assert!(
            place
                .registry
                .inspect(&format!("{}/org/os:worker", place.registry.host))
                .is_none()
        );
    }
    // The registry does not answer before the build: nobody waits for it either.
    build.network.stop_after(0, false);
    let mut child = build
        .command()
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(1));
    let id = child.id().to_string();
    Command::new("kill").args(["-TERM", &id]).status().unwrap();
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    place.check_clean();
    build.network.mend();

    // A push whose connection breaks, again and again: an error of its own, and nothing is left.
    let broken = build.run_to("push: ", |_| build.network.stop_after(1_000_000, true));
    broken.check(
        16,
        &["the registry that the image is pushed to does not answer"],
    );
    build.network.mend();
    place.check_clean();

    build.run().check(0, &["push: "]);
    place.check_clean();
    build.run().check(0, &["nothing to build"]);
    rootless(&place);
}

/// Somebody who is not root builds the same.
fn rootless(place: &Place) {
    const NOBODY: u32 = 65534;
    place.write(
        "Containerfile",
        "FROM configs\nCOPY motd /etc/motd\nRUN echo rootless > /by\n",
    );
    let home = place.path("rootless");
    for folder in ["rootless", "rootless/tmp", "rootless/run"] {
        fs::create_dir_all(place.path(folder)).unwrap();
        chown(place.path(folder), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    // The folder of the test is its owner's alone.
    let above = home.parent().unwrap();
    fs::set_permissions(above, fs::Permissions::from_mode(0o755)).unwrap();
    let storage = home.join("storage.conf");
    let text = format!(
        "[storage]\ndriver = \"vfs\"\ngraphroot = \"{0}/storage\"\nrunroot = \"{0}/run\"\n\
         [storage.options]\nignore_chown_errors = \"true\"\n",
        home.display()
    );
    fs::write(&storage, text).unwrap();
    // The program lies where root alone may look.
    let program = home.join("osimage");
    fs::copy(env!("CARGO_BIN_EXE_osimage"), &program).unwrap();
    let build = place.build_command(
        "auth.json",
        &["--base", &place.base, "--builder", "buildah"],
    );
    // Users that it may take for those of an image, in a place where nobody else sees it.
    let users = home.join("subuid");
    fs::write(&users, "nobody:100000:65536\n").unwrap();
    let script =
        "mount --bind \"$0\" /etc/subuid && mount --bind \"$0\" /etc/subgid && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", script]).arg(&users);
    let id = NOBODY.to_string();
    command.args(["setpriv", "--reuid", &id, "--regid", &id, "--clear-groups"]);
    command.arg(&program).args(build.get_args());
    command
        .arg("--registry-ca")
        .arg(place.registry.certificate());
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", &home)
        .env("TMPDIR", home.join("tmp"))
        .env("XDG_RUNTIME_DIR", home.join("run"))
        .env("BUILDAH_ISOLATION", "chroot")
        .env("CONTAINERS_STORAGE_CONF", &storage)
        .current_dir(&home);
    let done = Run::of(&command.output().unwrap());
    done.check(0, &["build: step", "push: "]);
    assert!(place.registry.inspect(&done.image()).is_some());
    let left: Vec<_> = fs::read_dir(home.join("tmp")).unwrap().flatten().collect();
    let left = left.iter().filter(|entry| {
        // Of buildah's user namespace, which goes with its last process.
        !entry
            .file_name()
            .to_string_lossy()
            .starts_with("containers-user-")
            && !entry
                .file_name()
                .to_string_lossy()
                .starts_with("storage-run-")
    });
    assert_eq!(left.count(), 0);
}
