package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/writ-project/writ/internal/config"
	"github.com/writ-project/writ/internal/upstream"
)

// openUpstream makes the door to Bedrock and says what it leads to. Writ's own
// credentials come from the default AWS chain; the demo's stand-in has a key of
// its own. Either may assume a role in each account that calls are made in.
func openUpstream(ctx context.Context, cfg config.Config, d *demo) (*upstream.Client, string, error) {
	u := cfg.Upstream
	p := outfit{cfg: cfg}
	var err error
	if d != nil {
		u.Endpoint, u.STSEndpoint = d.bedrock, d.bedrock
		p.base = credentials.NewStaticCredentialsProvider(d.credential.AccessKeyID, d.credential.SecretAccessKey, "")
	} else if p.base, err = awsCredentials(ctx, cfg); err != nil {
		return nil, "", err
	}
	home, err := p.account(config.Account{
		Account: cfg.Account, AssumeRole: u.AssumeRole, ExternalIDFile: u.ExternalIDFile,
		Endpoint: u.Endpoint, CAFile: u.CAFile, STSEndpoint: u.STSEndpoint,
	})
	if err != nil {
		return nil, "", err
	}
	conf := upstream.Config{
		Account: home.ID, Endpoint: home.Endpoint, TLS: home.TLS, Credentials: home.Credentials,
		Sessions: home.Sessions, Role: home.Role, ExternalID: home.ExternalID, STS: home.STS, Partition: cfg.Partition,
	}
	for _, a := range u.Accounts {
		if d != nil {
			a.Endpoint, a.STSEndpoint = u.Endpoint, u.STSEndpoint
		}
		a.Endpoint, a.CAFile, a.STSEndpoint = cmp.Or(a.Endpoint, u.Endpoint), cmp.Or(a.CAFile, u.CAFile), cmp.Or(a.STSEndpoint, u.STSEndpoint)
		more, err := p.account(a)
		if err != nil {
			return nil, "", err
		}
		conf.Accounts = append(conf.Accounts, more)
	}
	client, err := upstream.New(conf)
	if err != nil {
		return nil, "", err
	}
	if conf.Endpoint == "" {
		return client, "Bedrock in " + strings.Join(cfg.AllRegions(), ", "), nil
	}
	return client, conf.Endpoint, nil
}

// outfit fits out accounts with credentials.
type outfit struct {
	cfg  config.Config
	base aws.CredentialsProvider // Writ's own
}

func (p outfit) account(a config.Account) (upstream.Account, error) {
	out := upstream.Account{ID: a.Account, Endpoint: a.Endpoint, Role: a.AssumeRole, Credentials: p.base}
	var err error
	if out.TLS, err = upstreamTLS(a.CAFile); err != nil {
		return out, err
	}
	out.STS = upstream.STS{Region: p.cfg.Region, Endpoint: a.STSEndpoint, TLS: out.TLS}
	if a.AssumeRole == "" {
		return out, nil
	}
	role := upstream.Role{ARN: a.AssumeRole, Base: p.base, STS: out.STS}
	if role.ExternalID, err = wordIn(a.ExternalIDFile); err != nil {
		return out, fmt.Errorf("reading the external id for account %s: %w", a.Account, err)
	}
	out.ExternalID = role.ExternalID != ""
	if p.cfg.ByGrant(a) {
		out.Credentials = nil
		out.Sessions, err = upstream.NewSessions(role, nil)
	} else {
		out.Credentials, err = role.Shared()
	}
	return out, err
}

// wordIn reads a file that holds one word; no file holds none.
func wordIn(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	word := strings.TrimSpace(string(b))
	if len(strings.Fields(word)) != 1 {
		return "", fmt.Errorf("%s: want one word", file)
	}
	return word, nil
}

// clientVariables point SDKs at a gateway. Set for this process, they would
// have Writ ask itself for the credentials that it forwards with.
var clientVariables = []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"}

// awsCredentials are Writ's own, from the default chain.
func awsCredentials(ctx context.Context, cfg config.Config) (aws.CredentialsProvider, error) {
	for _, name := range clientVariables {
		if os.Getenv(name) != "" {
			return nil, withHint(fmt.Errorf("%s is set: Writ would take its own AWS credentials from there", name), "unset %s for writ up; it is for the clients of the gateway", name)
		}
	}
	opts := []func(*awsconfig.LoadOptions) error{awsconfig.WithRegion(cfg.Region)}
	if cfg.Upstream.Profile != "" {
		opts = append(opts, awsconfig.WithSharedConfigProfile(cfg.Upstream.Profile))
	}
	loaded, err := awsconfig.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("loading Writ's own AWS credentials: %w", err)
	}
	return loaded.Credentials, nil
}

// upstreamTLS trusts a private endpoint's CA, or the system's roots.
func upstreamTLS(file string) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(64)}
	if file == "" {
		return conf, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading upstream.caFile: %w", err)
	}
	conf.RootCAs = x509.NewCertPool()
	if !conf.RootCAs.AppendCertsFromPEM(text) {
		return nil, errors.New("upstream.caFile holds no certificate")
	}
	return conf, nil
}

// dsnOf reads the store's data source; empty means SQLite in the data directory.
func dsnOf(cfg config.Config) (string, error) {
	if cfg.Store.DSNFile == "" {
		return "", nil
	}
	b, err := os.ReadFile(cfg.Store.DSNFile)
	if err != nil {
		return "", fmt.Errorf("reading store.dsnFile: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}
