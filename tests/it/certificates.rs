//! A certificate authority of a test's own, made with the command `openssl`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// PEM files in a folder: the authority, and the certificates that it issued.
#[derive(Clone, Debug)]
pub struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// Makes an authority, a certificate `server` for `localhost` and 127.0.0.1, and a certificate
    /// `client`.
    ///
    /// # Panics
    /// If `openssl` is missing.
    pub fn make(folder: &Path) -> Self {
        let made = Self {
            folder: folder.to_owned(),
        };
        let authority = [
            "req -x509 -days 2 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj",
            "/CN=test-authority",
            "-addext basicConstraints=critical,CA:TRUE -keyout ca.key -out ca.pem",
        ];
        made.openssl(&authority.join(" "));
        made.issue("server", "subjectAltName=DNS:localhost,IP:127.0.0.1");
        made.issue("client", "extendedKeyUsage=clientAuth");
        made
    }

    /// `ca.pem`, `server.pem`, `server.key`, `client.pem`, `client.key`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn issue(&self, name: &str, extension: &str) {
        self.openssl(&format!(
            "req -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj /CN={name} -keyout \
             {name}.key -out {name}.csr"
        ));
        fs::write(self.path("extensions"), extension).expect("a file");
        self.openssl(&format!(
            "x509 -req -days 2 -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile \
             extensions -out {name}.pem"
        ));
    }

    fn openssl(&self, arguments: &str) {
        let output = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(&self.folder)
            .output()
            .expect("openssl; this installs it: sudo apt-get install -y openssl");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments}: {errors}");
    }
}
