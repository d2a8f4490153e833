//! TLS to a server: whom to believe, and who we are.

use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::config::Tls;

/// Encrypts a connection, once the server has shown that it is who it is to be.
pub async fn encrypt(settings: &Tls, host: &str, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    let named = settings.servername.as_deref().unwrap_or(host).to_owned();
    let name = ServerName::try_from(named).map_err(io::Error::other)?;
    let config = config(settings).map_err(io::Error::other)?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

fn config(settings: &Tls) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = builder.with_root_certificates(roots(settings)?);
    let mut config = match settings.cert.as_deref().zip(settings.key.as_deref()) {
        None => builder.with_no_client_auth(),
        Some((cert, key)) => {
            let chain = CertificateDer::pem_slice_iter(cert.as_bytes()).collect::<Result<Vec<_>, _>>();
            let chain = chain.map_err(|error| format!("the client's certificate is no PEM: {error}"))?;
            // What is wrong with a key is not repeated: it might show some of it.
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
                .map_err(|_| "the client's key is no PEM".to_owned())?;
            builder.with_client_auth_cert(chain, key).map_err(|error| error.to_string())?
        }
    };
    if settings.insecure {
        config.dangerous().set_certificate_verifier(Arc::new(Anybody(provider)));
    }
    Ok(config)
}

/// Who is believed: those that are configured, or else those that Mozilla believes.
fn roots(settings: &Tls) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match &settings.ca {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(ca) => {
            for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
                let certificate = certificate.map_err(|error| format!("the CA is no PEM: {error}"))?;
                roots.add(certificate).map_err(|error| format!("the CA is no certificate: {error}"))?;
            }
        }
    }
    Ok(roots)
}

/// Believes anybody, as `insecure` asks for. That who sends has the key is looked at all the same.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
