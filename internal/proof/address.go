package proof

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/writ-project/writ/internal/identity"
)

// forbidden are ranges that keys are never fetched from, whatever is
// configured: cloud metadata services (which hand out credentials), link-local,
// multicast and reserved ranges, and IPv6 forms that hide an IPv4 address.
var forbidden = prefixes(
	"0.0.0.0/8", "192.0.0.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"169.254.0.0/16",     // link-local; metadata of most clouds
	"168.63.129.16/32",   // Azure's platform address
	"100.100.100.200/32", // Alibaba's metadata
	"::/96", "ff00::/8", "fe80::/10", "fec0::/10",
	"fd00:ec2::/32",          // AWS's metadata and container credentials
	"fd20:ce::/32",           // Google's metadata
	"64:ff9b:1::/48",         // local NAT64 (RFC 8215)
	"2001::/32", "2002::/16", // Teredo, 6to4
	"100::/64", "2001:db8::/32", // discard, documentation
)

// private are ranges that only an issuer with AllowLocal is fetched from:
// RFC 1918, carrier-grade NAT, benchmarking, unique local.
var private = prefixes(
	"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "fc00::/7",
)

// nat64 is the well-known prefix (RFC 6052): the address meant is the last 32 bits.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

func prefixes(cidrs ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(cidrs))
	for i, c := range cidrs {
		out[i] = netip.MustParsePrefix(c)
	}
	return out
}

// dialable reports why keys are not fetched from an address, or nil.
func dialable(a netip.Addr, local bool) error {
	if a.Zone() != "" {
		return fmt.Errorf("address %v has a zone", a)
	}
	a = a.Unmap()
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	switch {
	case a.IsLoopback() && !local:
		return fmt.Errorf("address %v is loopback, and local addresses are not allowed here", a)
	case a.IsLoopback():
		return nil
	case identity.Within(forbidden, a):
		return fmt.Errorf("address %v is never connected to", a)
	case identity.Within(private, a) && !local:
		return fmt.Errorf("address %v is private, and local addresses are not allowed here", a)
	}
	return nil
}

// guard returns a net.Dialer.Control that refuses addresses. It runs after
// name resolution, on the very address that is about to be connected to, so a
// name that resolves differently a second time gains nothing.
func guard(local bool) func(network, address string, _ syscall.RawConn) error {
	return func(network, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("address %q of %s is not readable", address, network)
		}
		return dialable(ap.Addr(), local)
	}
}

// Dialer returns a dialler that connects to no address from which secrets could
// be had or which belongs to others' inner networks: never to metadata services,
// link-local and reserved ranges, and to loopback and private addresses only
// when local.
func Dialer(local bool, timeout time.Duration) *net.Dialer {
	return &net.Dialer{Timeout: timeout, Control: guard(local)}
}
