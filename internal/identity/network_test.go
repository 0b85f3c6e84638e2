package identity

import (
	"net/http"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func prefixes(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func sample() *Networks {
	return NewNetworks([]Network{
		{ID: "proxies", CIDRs: prefixes("10.0.0.0/24", "fd00::/64"), TrustedProxy: true},
		{ID: "office", CIDRs: prefixes("203.0.113.0/24", "2001:db8::/32")},
		{ID: "partner-egress", CIDRs: prefixes("198.51.100.7/32")},
	})
}

// TestS15_Locate holds the rules of security S15.
func TestS15_Locate(t *testing.T) {
	for name, c := range map[string]struct {
		peer string
		hops []string
		addr string // "" means no address
		in   []string
	}{
		"direct":                       {"203.0.113.9", nil, "203.0.113.9", []string{"office"}},
		"direct v6":                    {"2001:db8::5", nil, "2001:db8::5", []string{"office"}},
		"v4 in v6 is unmapped":         {"::ffff:203.0.113.9", nil, "203.0.113.9", []string{"office"}},
		"zone is no address":           {"fe80::1%eth0", nil, "", nil},
		"header from a stranger":       {"192.0.2.1", []string{"203.0.113.9"}, "192.0.2.1", nil},
		"header from a proxy":          {"10.0.0.5", []string{"203.0.113.9"}, "203.0.113.9", []string{"office"}},
		"forged left hop":              {"10.0.0.5", []string{"198.51.100.7, 192.0.2.66"}, "192.0.2.66", nil},
		"through two proxies":          {"10.0.0.5", []string{"203.0.113.9, 10.0.0.6"}, "203.0.113.9", []string{"office"}},
		"repeated fields are joined":   {"10.0.0.5", []string{"198.51.100.7", "192.0.2.66"}, "192.0.2.66", nil},
		"unreadable hop":               {"10.0.0.5", []string{"203.0.113.9, unknown"}, "", nil},
		"unreadable hop left of proxy": {"10.0.0.5", []string{"garbage, 10.0.0.6"}, "", nil},
		"unreadable hop never reached": {"10.0.0.5", []string{"garbage, 203.0.113.9"}, "203.0.113.9", []string{"office"}},
		"mapped hop":                   {"10.0.0.5", []string{"::ffff:198.51.100.7"}, "198.51.100.7", []string{"partner-egress"}},
		"hop with zone":                {"10.0.0.5", []string{"fe80::1%1"}, "", nil},
		"hop with port":                {"10.0.0.5", []string{"203.0.113.9:443"}, "", nil},
		"empty header":                 {"10.0.0.5", []string{""}, "", nil},
		"only proxies":                 {"10.0.0.5", []string{"10.0.0.7, 10.0.0.6"}, "10.0.0.7", []string{"proxies"}},
		"proxy itself":                 {"10.0.0.5", nil, "10.0.0.5", []string{"proxies"}},
	} {
		h := http.Header{}
		for _, v := range c.hops {
			h.Add("X-Forwarded-For", v)
		}
		got := sample().Locate(netip.MustParseAddr(c.peer), h)
		want := netip.Addr{}
		if c.addr != "" {
			want = netip.MustParseAddr(c.addr)
		}
		if got.Addr != want || !slices.Equal(got.Networks, c.in) {
			t.Errorf("%s: got %v in %v, want %v in %v", name, got.Addr, got.Networks, want, c.in)
		}
	}
}

// TestS15_HeaderOfAStrangerNeverMatters: whatever an untrusted peer writes, it
// is located by its connection.
func TestS15_HeaderOfAStrangerNeverMatters(t *testing.T) {
	nets := sample()
	rapid.Check(t, func(t *rapid.T) {
		peer := netip.AddrFrom4([4]byte{192, 0, 2, rapid.Byte().Draw(t, "last")})
		h := http.Header{"X-Forwarded-For": rapid.SliceOf(rapid.String()).Draw(t, "hops")}
		if got := nets.Locate(peer, h); got.Addr != peer {
			t.Fatalf("located at %v", got.Addr)
		}
	})
}

func TestPrefixesOfUnknownNetworkIsAnError(t *testing.T) {
	if p, err := sample().Prefixes([]string{"office", "nowhere"}); err == nil {
		t.Fatalf("got %v", p)
	}
	p, err := sample().Prefixes([]string{"partner-egress"})
	if err != nil || !slices.Equal(p, prefixes("198.51.100.7/32")) {
		t.Fatalf("got %v, %v", p, err)
	}
}

func TestNetworkValidate(t *testing.T) {
	if err := (&Network{ID: "n", CIDRs: prefixes("10.0.0.0/8", "::1/128")}).Validate(); err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]netip.Prefix{nil, prefixes("10.0.0.1/8"), prefixes("::ffff:10.0.0.0/104")} {
		if (&Network{ID: "n", CIDRs: bad}).Validate() == nil {
			t.Errorf("%v accepted", bad)
		}
	}
}
