package rights

import "net/netip"

// Prefix reads a network that a target names by its addresses: a CIDR, or one
// address. What is neither is the name of a Network.
func (t Target) Prefix() (netip.Prefix, bool) {
	if t.Kind != TargetNetwork {
		return netip.Prefix{}, false
	}
	if p, err := netip.ParsePrefix(t.Name); err == nil {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(t.Name)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), true
}
