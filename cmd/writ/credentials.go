package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/api"
)

type credentialsCmd struct {
	sourceFlags
	TTL     *time.Duration `help:"Lifetime; the identity's maximum by default, and no more than that." placeholder:"D"`
	Format  string         `enum:"env,process,bearer,container" default:"env" help:"env: lines for a shell to eval; process: for credential_process in an AWS profile; bearer: one token; container: lines for a container, whose SDK then gets sessions itself for at most an hour."`
	Network []string       `help:"With container: networks from which the token is good." placeholder:"NAME"`
	Source  string         `help:"With container: the one address from which the token is good (default: where the identity may be, else this machine)." placeholder:"ADDR"`
}

func (c *credentialsCmd) Help() string {
	return `With --identity it mints by the right "impersonate": the record says that an
operator, not the workload, obtained it. It is off outside --demo unless the
configuration turns it on.

  eval "$(writ credentials --identity support-agent --format env)"

points every AWS SDK in the shell at the gateway.

With a proof it needs neither that right nor a data directory. As the
credential_process of an AWS profile it gives unmodified SDKs the use of a
certificate on disk:

  [profile writ]
  credential_process = writ credentials --format process --gateway https://writ.internal:8080
    --ca /etc/writ/ca.pem --cert /run/spiffe/svid.pem --key /run/spiffe/svid.key

(one line). "writ exec" does the same for a child process, and refreshes.`
}

func (c *credentialsCmd) Run(ctx context.Context) error {
	if c.Format == "container" {
		return c.container(ctx)
	}
	if len(c.Network) > 0 || c.Source != "" {
		return errors.New("--network and --source are for --format container")
	}
	s, err := c.open(ctx, c.TTL)
	if err != nil {
		return err
	}
	form := asSession
	if c.Format == "bearer" {
		form = asBearer
	}
	m, err := s.mint(ctx, form)
	if err != nil {
		return err
	}
	switch c.Format {
	case "bearer":
		fmt.Println(m.Bearer)
	case "process":
		return printJSON(map[string]any{
			"Version": 1, "AccessKeyId": m.AccessKeyID, "SecretAccessKey": m.SecretAccessKey,
			"SessionToken": m.SessionToken, "Expiration": m.Expires.UTC().Format(time.RFC3339),
		})
	default:
		fmt.Print(shellLines(m, s.gateway))
	}
	return nil
}

// container mints a container token. Only an operator can: a workload that has
// a proof of its own puts that in the token's place.
func (c *credentialsCmd) container(ctx context.Context) error {
	if c.Identity == "" {
		return withHint(errors.New("--format container needs --identity"), "a workload with a proof needs no container token: name its token's file in AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
	}
	client, e, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	in := api.MintRequest{Identity: c.Identity, Container: true, Networks: c.Network, Source: c.Source}
	if c.TTL != nil {
		in.TTL = c.TTL.String()
	}
	m, err := client.Mint(ctx, in)
	if err != nil {
		return err
	}
	fmt.Print(containerLines(m, e.Gateway))
	return nil
}

// endpointLines point SDKs at the gateway.
func endpointLines(region, gateway string) [][2]string {
	return [][2]string{
		{"AWS_REGION", region},
		{"AWS_DEFAULT_REGION", region}, // what boto3 reads
		{"AWS_ENDPOINT_URL_BEDROCK_RUNTIME", gateway},
		{"AWS_ENDPOINT_URL_STS", gateway},
	}
}

// shellLines sets what an AWS SDK needs and unsets what would override it: a
// stray bearer token beats these keys, and a flag can switch endpoints off.
func shellLines(m api.MintAnswer, gateway string) string {
	return exports(append([][2]string{
		{"AWS_ACCESS_KEY_ID", m.AccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", m.SecretAccessKey},
		{"AWS_SESSION_TOKEN", m.SessionToken},
	}, endpointLines(m.Region, gateway)...)) + "unset AWS_BEARER_TOKEN_BEDROCK AWS_IGNORE_CONFIGURED_ENDPOINT_URLS\n"
}

// containerLines does the same with a container token; keys would beat it.
func containerLines(m api.MintAnswer, gateway string) string {
	return exports(append([][2]string{
		{"AWS_CONTAINER_CREDENTIALS_FULL_URI", gateway + "/writ/v1/credentials"},
		{"AWS_CONTAINER_AUTHORIZATION_TOKEN", m.Container},
	}, endpointLines(m.Region, gateway)...)) + "unset AWS_BEARER_TOKEN_BEDROCK AWS_IGNORE_CONFIGURED_ENDPOINT_URLS" +
		" AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE AWS_WEB_IDENTITY_TOKEN_FILE AWS_ROLE_ARN\n"
}

func exports(lines [][2]string) string {
	var b strings.Builder
	for _, kv := range lines {
		fmt.Fprintf(&b, "export %s=%s\n", kv[0], quote(kv[1]))
	}
	return b.String()
}

// quote makes a POSIX shell word of any text.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
