package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/config"
	"github.com/writ-project/writ/internal/proof"
	"github.com/writ-project/writ/internal/upstream"
)

// certSoon is when a certificate that nobody renews should be.
const certSoon = 21 * 24 * time.Hour

// certificate looks at what the port presents.
func (p *patient) certificate(context.Context) []diagnosis {
	expires, names, own := p.status.CertExpires, p.status.CertNames, p.cfg.TLS.Cert == ""
	if p.live == nil && !own {
		pair, err := tls.LoadX509KeyPair(p.cfg.TLS.Cert, p.cfg.TLS.Key)
		if err != nil {
			return fail("tls.cert and tls.key are PEM files that belong together", "%v", err)
		}
		leaf, err := x509.ParseCertificate(pair.Certificate[0])
		if err != nil {
			return fail("", "%v", err)
		}
		expires, names = leaf.NotAfter, namesOf(leaf)
	}
	if expires.IsZero() {
		return ok("made by the local CA at each start")
	}
	left := time.Until(expires)
	switch {
	case left <= 0:
		return fail("replace it", "it expired at %s", expires.UTC().Format(time.RFC3339))
	case left < certSoon && !own:
		return warn("replace it, and restart", "it expires in %d days", int(left.Hours()/24))
	case !config.Loopback(p.cfg.Listen) && !p.cfg.TLS.Front && onlyLoopback(names):
		return warn("set tls.names, remove tls/ in the data directory, restart", "the port is reachable from elsewhere and its certificate is for %s only", strings.Join(names, ", "))
	}
	return ok("for %s, until %s", strings.Join(names, ", "), expires.UTC().Format(time.DateOnly))
}

func onlyLoopback(names []string) bool {
	for _, n := range names {
		if ip := net.ParseIP(n); n != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}

// misleading are variables that are for clients of the gateway.
var misleading = append([]string{"AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_BEARER_TOKEN_BEDROCK", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"}, clientVariables...)

func (p *patient) environment(context.Context) []diagnosis {
	var out []diagnosis
	for _, name := range misleading {
		if os.Getenv(name) == "" {
			continue
		}
		found := warn("it is for the gateway's clients; the server does not need it", "%s is set", name)
		for _, stops := range clientVariables {
			if name == stops {
				found = fail("unset it for writ up", "%s is set: the server would not start", name)
			}
		}
		out = append(out, found...)
	}
	if out == nil {
		return ok("nothing in it points Writ at itself")
	}
	return out
}

// upstream reaches Bedrock without a call: any answer will do.
func (p *patient) upstream(ctx context.Context) []diagnosis {
	if p.status.StandIn {
		return warn("leave out --demo where calls should reach Bedrock", "the upstream is a stand-in, not Bedrock")
	}
	endpoint, err := upstream.Address(p.cfg.Upstream.Endpoint, p.cfg.Partition, p.cfg.Region)
	if err != nil {
		return fail("", "%v", err)
	}
	if p.itself(endpoint) {
		return fail("upstream.endpoint is Bedrock's address, or a VPC endpoint's", "%s is Writ's own address: it would forward to itself", endpoint)
	}
	if p.offline {
		return ok("%s (not tried: --offline)", endpoint)
	}
	conf, err := upstreamTLS(p.cfg.Upstream.CAFile)
	if err != nil {
		return fail("", "%v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, endpoint+"/", nil)
	if err != nil {
		return fail("", "%v", err)
	}
	resp, err := (&http.Transport{TLSClientConfig: conf, DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return fail("is there a route, and does upstream.caFile verify it?", "%s cannot be reached: %v", endpoint, err)
	}
	_ = resp.Body.Close()
	out := ok("%s answers", endpoint)
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		out = append(out, skewed("Bedrock's", time.Until(at).Truncate(time.Second))...)
	}
	return out
}

// itself reports whether a URL is the gateway's own.
func (p *patient) itself(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	for _, own := range []string{"http://" + p.cfg.Listen, p.gatewayURL()} {
		o, err := url.Parse(own)
		if err == nil && o.Host != "" && o.Port() == u.Port() && sameHost(o.Hostname(), u.Hostname()) {
			return true
		}
	}
	return false
}

// sameHost takes every loopback name, and none, for one host.
func sameHost(a, b string) bool {
	local := func(h string) bool {
		ip := net.ParseIP(h)
		return h == "localhost" || h == "" || ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
	}
	return a == b || local(a) && local(b)
}

func (p *patient) gatewayURL() string {
	if p.live == nil {
		return ""
	}
	return p.status.Gateway
}

func (p *patient) awsCredentials(ctx context.Context) []diagnosis {
	switch {
	case p.status.StandIn:
		return ok("the stand-in has a key of its own")
	case p.offline:
		return ok("not tried: --offline")
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	provider, err := awsCredentials(ctx, p.cfg)
	if err != nil {
		return fail(hintFor(err), "%v", err)
	}
	got, err := provider.Retrieve(ctx)
	if err != nil {
		return fail("the server's own environment, profile or role must give them", "Writ's own AWS credentials cannot be had here: %v", err)
	}
	if got.CanExpire {
		return ok("from %s, until %s", got.Source, got.Expires.UTC().Format(time.RFC3339))
	}
	return warn("use a role: keys that never expire are for nobody to find", "from %s, and they never expire", got.Source)
}

func (p *patient) issuers(ctx context.Context) []diagnosis {
	if p.world == nil {
		return nil
	}
	var out []diagnosis
	for _, i := range p.world.issuers {
		if p.offline {
			continue
		}
		n, err := proof.Reach(ctx, *i)
		switch {
		case err != nil:
			out = append(out, fail("docs/identity-providers.md says what an issuer needs", "the keys of issuer %s cannot be had: %v", i.ID, err)...)
		case n == 0:
			out = append(out, fail("", "issuer %s publishes no usable key", i.ID)...)
		default:
			out = append(out, ok("issuer %s publishes %d keys", i.ID, n)...)
		}
	}
	if p.offline {
		return ok("%d, not tried: --offline", len(p.world.issuers))
	}
	if out == nil {
		return warn("docs/identity-providers.md", "there is no issuer: no workload can prove itself")
	}
	return out
}
