//! SSRF guard: rejects webhook URLs that lead to private addresses, unless `private_hosts` is set.

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv6Addr};

/// Returns whether an address is publicly routable.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            !(v4.is_unspecified()
                || v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.is_documentation()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 198 && (b == 18 || b == 19))
                || v4.octets().starts_with(&[192, 0, 0]))
        }
        IpAddr::V6(v6) => match embedded_v4(v6) {
            Some(v4) => is_public(v4),
            None => {
                (v6.segments()[0] & 0xe000) == 0x2000
                    && !v6.segments().starts_with(&[0x2001, 0xdb8])
            }
        },
    }
}

/// Returns the IPv4 address embedded in an IPv6 address: mapped, NAT64 or 6to4.
fn embedded_v4(v6: Ipv6Addr) -> Option<IpAddr> {
    let [a, b, c, ..] = v6.segments();
    let octets = v6.octets();
    let v4 = |at: usize| IpAddr::from([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]]);
    match (a, b) {
        (0, 0) if c == 0 => v6.to_ipv4_mapped().map(IpAddr::V4),
        (0x64, 0xff9b) => Some(v4(12)),
        (0x2002, _) => Some(v4(2)),
        _ => None,
    }
}

/// Parses a webhook URL and checks that it may be called.
///
/// # Errors
/// Returns a message if the URL is invalid, contains credentials or, unless `private_hosts`, is not
/// `https` or has a private address as its host.
pub(crate) fn check_url(url: &str, private_hosts: bool) -> Result<Url, String> {
    let url = Url::parse(url).map_err(|error| format!("`url` is not a valid URL: {error}"))?;
    if !["http", "https"].contains(&url.scheme()) || url.host().is_none() {
        return Err("`url` must be an https:// URL".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("`url` must not contain credentials".to_owned());
    }
    if private_hosts {
        return Ok(url);
    }
    if url.scheme() != "https" {
        return Err("`url` must be an https:// URL".to_owned());
    }
    // Host names are checked again after they are resolved.
    let text = url.host_str().unwrap_or_default();
    match text.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) if !is_public(address) => Err("`url` must have a public host".to_owned()),
        _ => Ok(url),
    }
}

/// A DNS resolver that rejects names with a private address.
#[derive(Debug)]
pub(super) struct PublicResolver;

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if let Some(private) = found.iter().find(|found| !is_public(found.ip())) {
                let address = private.ip();
                tracing::warn!(name = name.as_str(), %address, "webhook to a private host refused");
                return Err("the host resolves to a private address".into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_urls_are_accepted() {
        for private in [
            "http://example.com/",
            "ftp://example.com/",
            "https://u:p@example.com/",
            "https://127.0.0.1/",
            "https://10.1.2.3/",
            "https://169.254.169.254/latest",
            "https://0.0.0.0/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[fd00::1]/",
            "https://[64:ff9b::a00:1]/",
            "https://[2002:7f00:1::]/",
            "https://100.64.0.1/",
            "https://0x7f.1/",
            "https://2130706433/",
            "nonsense",
        ] {
            assert!(check_url(private, false).is_err(), "{private}");
        }
        for public in
            ["https://example.com/hook?a=b", "https://93.184.215.14/", "https://[2606:4700::1111]/"]
        {
            assert!(check_url(public, false).is_ok(), "{public}");
        }
        assert!(check_url("http://127.0.0.1:3000/hook", true).is_ok());
    }
}
