//! What a certificate says of its holder. Whether it is believed is decided before, by the library.

use std::net::IpAddr;

use x509_cert::der::Decode;
use x509_cert::der::asn1::Ia5String;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::{Certificate, der};

use crate::domain::Timestamp;

/// Who a client has proven to be, by a certificate that one of the client authorities vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Its subject as RFC 4514 writes it: `CN=orders,O=Example`; empty where there is none.
    pub subject: String,
    /// Its names in the DNS.
    pub dns_names: Vec<String>,
    /// Its URIs, such as a SPIFFE id.
    pub uris: Vec<String>,
}

/// What the service has to know of its own certificate.
pub(super) struct OwnCertificate {
    /// Before this it is not valid.
    not_before: Timestamp,
    /// After this it is not valid any more.
    not_after: Timestamp,
    /// It is its own authority.
    self_signed: bool,
    /// The addresses that it is for.
    addresses: Vec<IpAddr>,
}

/// Where the present is in a certificate's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validity {
    NotYet,
    Valid,
    Expired,
}

impl ClientCertificate {
    /// Reads a certificate that was verified.
    pub(super) fn read(certificate: &[u8]) -> der::Result<Self> {
        let certificate = Certificate::from_der(certificate)?;
        let names = alternative_names(&certificate)?;
        let of_kind = |kind: fn(&GeneralName) -> Option<&Ia5String>| {
            names.iter().filter_map(kind).map(|name| name.to_string()).collect()
        };
        Ok(Self {
            subject: certificate.tbs_certificate().subject().to_string(),
            dns_names: of_kind(|name| match name {
                GeneralName::DnsName(name) => Some(name),
                _ => None,
            }),
            uris: of_kind(|name| match name {
                GeneralName::UniformResourceIdentifier(name) => Some(name),
                _ => None,
            }),
        })
    }
}

impl OwnCertificate {
    pub(super) fn read(certificate: &[u8]) -> der::Result<Self> {
        let certificate = Certificate::from_der(certificate)?;
        let addresses = alternative_names(&certificate)?.iter().filter_map(address).collect();
        let fields = certificate.tbs_certificate();
        let moment = |time: x509_cert::time::Time| {
            let millis = i64::try_from(time.to_unix_duration().as_millis());
            Timestamp::from_millis(millis.unwrap_or(i64::MAX))
        };
        Ok(Self {
            not_before: moment(fields.validity().not_before),
            not_after: moment(fields.validity().not_after),
            self_signed: fields.subject() == fields.issuer(),
            addresses,
        })
    }

    pub(super) fn validity(&self, now: Timestamp) -> Validity {
        match now {
            now if now < self.not_before => Validity::NotYet,
            now if now > self.not_after => Validity::Expired,
            _ => Validity::Valid,
        }
    }

    /// Whether who believes this very certificate, and nothing else, may connect to `address`.
    pub(super) fn vouches_for_itself_at(&self, address: IpAddr) -> bool {
        self.self_signed && self.addresses.contains(&address.to_canonical())
    }
}

fn alternative_names(certificate: &Certificate) -> der::Result<Vec<GeneralName>> {
    let extension = certificate.tbs_certificate().get_extension::<SubjectAltName>()?;
    Ok(extension.map(|(_critical, names)| names.0).unwrap_or_default())
}

fn address(name: &GeneralName) -> Option<IpAddr> {
    let GeneralName::IpAddress(octets) = name else { return None };
    let v4 = || <[u8; 4]>::try_from(octets.as_bytes()).ok().map(IpAddr::from);
    let v6 = || <[u8; 16]>::try_from(octets.as_bytes()).ok().map(IpAddr::from);
    v4().or_else(v6)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn signed(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = CertificateParams::default();
        change(&mut params);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn a_holder_is_named_so_that_no_name_can_pass_for_another() {
        let der = signed(|params| {
            params.distinguished_name.push(DnType::OrganizationName, "Example");
            params.distinguished_name.push(DnType::CommonName, "orders,O=Evil");
            params.subject_alt_names = vec![
                SanType::DnsName("orders.example".try_into().unwrap()),
                SanType::URI("spiffe://example/orders".try_into().unwrap()),
                SanType::IpAddress([127, 0, 0, 1].into()),
            ];
        });
        let certificate = ClientCertificate::read(&der).unwrap();
        assert!(certificate.subject.contains(r"CN=orders\,O=Evil"), "{}", certificate.subject);
        assert!(certificate.subject.contains("O=Example"), "{}", certificate.subject);
        assert_eq!(certificate.dns_names, ["orders.example"]);
        assert_eq!(certificate.uris, ["spiffe://example/orders"]);
    }

    #[test]
    fn what_has_no_names_or_is_none_is_told_apart() {
        let der = signed(|params| params.distinguished_name = rcgen::DistinguishedName::new());
        let nobody = ClientCertificate { subject: String::new(), dns_names: vec![], uris: vec![] };
        assert_eq!(ClientCertificate::read(&der).unwrap(), nobody);
        assert!(ClientCertificate::read(b"hello").is_err());
    }

    #[test]
    fn an_own_certificate_knows_its_time_and_its_addresses() {
        let der = signed(|params| {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2021, 1, 1);
            params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
        });
        let own = OwnCertificate::read(&der).unwrap();
        for (second, expected) in [
            (1_577_836_799, Validity::NotYet),
            (1_577_836_800, Validity::Valid),
            (1_609_459_200, Validity::Valid),
            (1_609_459_201, Validity::Expired),
        ] {
            assert_eq!(own.validity(Timestamp::from_millis(second * 1000)), expected, "{second}");
        }
        assert!(own.vouches_for_itself_at("::ffff:127.0.0.1".parse().unwrap()));
        assert!(!own.vouches_for_itself_at("127.0.0.2".parse().unwrap()));
    }
}
