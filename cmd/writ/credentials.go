package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/api"
)

type credentialsCmd struct {
	dataFlag
	Identity string         `required:"" help:"Identity to act as." placeholder:"ID"`
	TTL      *time.Duration `help:"Lifetime; the identity's maximum by default, and no more than that." placeholder:"D"`
	Format   string         `enum:"env,process,bearer" default:"env" help:"env: lines for a shell to eval; process: for credential_process in an AWS profile; bearer: one token."`
}

func (c *credentialsCmd) Help() string {
	return `Mints a session by the right "impersonate": the record says that an operator, not
the workload, obtained it. It is off outside --demo unless the configuration
turns it on; workloads prove themselves at the STS endpoint instead.

  eval "$(writ credentials --identity support-agent --format env)"

points every AWS SDK in the shell at the gateway.`
}

func (c *credentialsCmd) Run(ctx context.Context) error {
	client, e, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	in := api.MintRequest{Identity: c.Identity, Bearer: c.Format == "bearer"}
	if c.TTL != nil {
		in.TTL = c.TTL.String()
	}
	m, err := client.Mint(ctx, in)
	if err != nil {
		return err
	}
	switch c.Format {
	case "bearer":
		fmt.Println(m.Bearer)
	case "process":
		return printJSON(map[string]any{
			"Version": 1, "AccessKeyId": m.AccessKeyID, "SecretAccessKey": m.SecretAccessKey,
			"SessionToken": m.SessionToken, "Expiration": m.Expires.Format(time.RFC3339),
		})
	default:
		fmt.Print(shellLines(m, e.Gateway))
	}
	return nil
}

// shellLines sets what an AWS SDK needs and unsets what would override it: a
// stray bearer token beats these keys, and a flag can switch endpoints off.
func shellLines(m api.MintAnswer, gateway string) string {
	var b strings.Builder
	for _, kv := range [][2]string{
		{"AWS_ACCESS_KEY_ID", m.AccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", m.SecretAccessKey},
		{"AWS_SESSION_TOKEN", m.SessionToken},
		{"AWS_REGION", m.Region},
		{"AWS_DEFAULT_REGION", m.Region}, // what boto3 reads
		{"AWS_ENDPOINT_URL_BEDROCK_RUNTIME", gateway},
		{"AWS_ENDPOINT_URL_STS", gateway},
	} {
		fmt.Fprintf(&b, "export %s=%s\n", kv[0], quote(kv[1]))
	}
	b.WriteString("unset AWS_BEARER_TOKEN_BEDROCK AWS_IGNORE_CONFIGURED_ENDPOINT_URLS\n")
	return b.String()
}

// quote makes a POSIX shell word of any text.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
