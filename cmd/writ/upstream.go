package main

import (
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
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/writ-project/writ/internal/config"
	"github.com/writ-project/writ/internal/upstream"
)

// openUpstream makes the door to Bedrock and says what it leads to. Writ's own
// credentials come from the default AWS chain, or from a role assumed with it;
// the demo's stand-in has a key of its own.
func openUpstream(ctx context.Context, cfg config.Config, d *demo) (*upstream.Client, string, error) {
	conf := upstream.Config{Endpoint: cfg.Upstream.Endpoint, Partition: cfg.Partition}
	var err error
	if d != nil {
		conf.Endpoint = d.bedrock
		conf.Credentials = credentials.NewStaticCredentialsProvider(d.credential.AccessKeyID, d.credential.SecretAccessKey, "")
	} else if conf.Credentials, err = awsCredentials(ctx, cfg); err != nil {
		return nil, "", err
	}
	if conf.TLS, err = upstreamTLS(cfg.Upstream.CAFile); err != nil {
		return nil, "", err
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

// clientVariables point SDKs at a gateway. Set for this process, they would
// have Writ ask itself for the credentials that it forwards with.
var clientVariables = []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"}

// awsCredentials are Writ's own: the default chain, or a role assumed with it.
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
	if cfg.Upstream.AssumeRole == "" {
		return loaded.Credentials, nil
	}
	role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(loaded), cfg.Upstream.AssumeRole, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = "writ-gateway"
	})
	return aws.NewCredentialsCache(role), nil
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
