package gateway

import (
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/proof"
)

// Own paths lie below ownPath and nowhere else: no model is called that.
const (
	ownPath         = "/writ/"
	credentialsPath = "/writ/v1/credentials"
	bearerPath      = "/writ/v1/bearer"
)

// doorOf reads an own path by hand, in its one spelling: the form of the
// credential asked for and the identity, which may be empty.
func doorOf(escaped string) (form proof.Form, name string, ok bool) {
	for path, f := range map[string]proof.Form{credentialsPath: proof.FormSession, bearerPath: proof.FormBearer} {
		rest, below := strings.CutPrefix(escaped, path)
		switch {
		case !below:
		case rest == "":
			return f, "", true
		case rest[0] == '/' && identity.ValidName(rest[1:]):
			return f, rest[1:], true
		}
	}
	return "", "", false
}

// serveOwn answers Writ's own paths: the container-credentials endpoint, as
// SDKs with AWS_CONTAINER_CREDENTIALS_FULL_URI set ask it (security S13), and
// the same door for clients that need a bearer token. Others are refused by
// parse, like any path that is no operation.
func (x *exchange) serveOwn() {
	if x.serveHolds() {
		return
	}
	form, name, ok := doorOf(x.r.URL.EscapedPath())
	if !ok {
		if refused := x.parse(); refused != nil {
			x.refuse(refused)
			return
		}
		x.refuse(refuse("malformed", invalid("there is no such path")))
		return
	}
	x.kind, x.status = doorCredentials, http.StatusOK
	if refused := x.begin(); refused != nil {
		x.answerContainer(notBegun(refused))
		return
	}
	if err := x.direct(); err != nil {
		x.answerContainer(err)
		return
	}
	authorization, err := proof.ParseAuthorization(x.r.Header["Authorization"])
	if err != nil {
		x.answerContainer(err)
		return
	}
	x.container(form, proof.ContainerRequest{
		Authorization: authorization, Chain: x.chain(), Identity: name, Form: form, Origin: x.origin,
	})
}

func (x *exchange) container(form proof.Form, req proof.ContainerRequest) {
	minted, err := x.g.cfg.Exchange.Container(x.r.Context(), x.g.worlds.of(x.state), req)
	if err != nil {
		x.answerContainer(err)
		return
	}
	if form == proof.FormBearer {
		token, sealErr := x.g.cfg.Ring().SealBearer(minted.Session)
		if sealErr != nil {
			x.answerContainer(&proof.Refusal{Reason: proof.NotSealed, Err: sealErr})
			return
		}
		err = proof.WriteBearer(x.w, token, x.id, x.start)
	} else {
		err = proof.WriteContainer(x.w, minted, x.id, x.start)
	}
	if err != nil {
		x.g.cfg.Log.Debug("credentials were not delivered", "id", x.id, "err", err)
	}
}

// chain is the certificate that the client of this very connection showed, and
// those it sent along. No header speaks for one.
func (x *exchange) chain() []*x509.Certificate {
	if x.r.TLS == nil {
		return nil
	}
	return x.r.TLS.PeerCertificates
}

// direct refuses what no SDK asks in this way: another method or a body, a name
// that this server does not go by, and whatever was passed on by something in
// between. Somebody who can make another program send requests, or a page in a
// browser, must not be handed its credentials.
func (x *exchange) direct() error {
	switch {
	case x.r.Method != http.MethodGet || x.r.ContentLength != 0:
		return &proof.Refusal{Reason: proof.MalformedRequest, Message: "Credentials are asked for by GET, without a body."}
	case x.r.URL.Host != "" || !x.g.addressed(x.r.Host):
		return &proof.Refusal{Reason: proof.Misdirected, Err: errors.New("asked by a name that is not this server's: see hosts in the configuration")}
	}
	for name := range x.r.Header {
		if passedOn(name) {
			return &proof.Refusal{Reason: proof.Forwarded, Err: errors.New("a request with the header " + name + " was passed on, or comes from a browser")}
		}
	}
	return nil
}

// addressed reports whether a Host names this server: loopback, or configured.
func (g *Gateway) addressed(host string) bool {
	name := host
	if h, port, err := net.SplitHostPort(host); err == nil && port != "" {
		name = h
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if strings.EqualFold(name, "localhost") {
		return true
	}
	if ip := net.ParseIP(name); ip != nil {
		return ip.IsLoopback() || slices.ContainsFunc(g.cfg.Hosts, func(h string) bool { return ip.Equal(net.ParseIP(h)) })
	}
	return name != "" && slices.ContainsFunc(g.cfg.Hosts, func(h string) bool { return strings.EqualFold(h, name) })
}

// passedOnNames are headers that proxies, meshes and browsers add, and SDKs do not.
var passedOnNames = map[string]bool{
	"Forwarded": true, "Via": true, "X-Real-Ip": true, "X-Client-Ip": true, "X-Cluster-Client-Ip": true, "True-Client-Ip": true,
	"Cf-Connecting-Ip": true, "Fastly-Client-Ip": true, "X-Azure-Clientip": true, "X-Remote-Ip": true, "X-Remote-Addr": true,
	"X-Host": true, "X-Rewrite-Url": true, "X-Http-Method-Override": true,
	"Client-Cert": true, "Client-Cert-Chain": true, "X-Client-Cert": true, // RFC 9440, and what came before it
	"Origin": true, "Referer": true, "Cookie": true,
}

var passedOnPrefixes = []string{
	"X-Forwarded-", "X-Original-", "X-Envoy-", "X-Ssl-", "Ssl-Client-", "X-Amzn-Mtls-", "X-Client-Cert-", "Sec-Fetch-", "Proxy-",
}

// passedOn takes a name in the canonical form that net/http gives it.
func passedOn(name string) bool {
	return passedOnNames[name] || slices.ContainsFunc(passedOnPrefixes, func(p string) bool { return strings.HasPrefix(name, p) }) || name == "X-Forwarded"
}

// answerContainer answers a refusal and counts it: nobody is authenticated yet.
func (x *exchange) answerContainer(err error) {
	err = x.refuseProof(doorCredentials, err, (*proof.Refusal).ContainerAnswer)
	if err := proof.WriteContainerError(x.w, err, x.id, x.start); err != nil {
		x.g.cfg.Log.Debug("a refusal was not delivered", "id", x.id, "err", err)
	}
}
