package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/writ-project/writ/internal/bedrock"
)

// STS says where AWS's Security Token Service is asked.
type STS struct {
	Region   string      // required
	Endpoint string      // empty means AWS's own in Region
	TLS      *tls.Config // of a private endpoint; nil means the system's
}

// Role is an IAM role that Writ assumes.
type Role struct {
	ARN        string                  // required: of a role in the account it is used for
	ExternalID string                  // what the trust policy asks for; empty: nothing
	Base       aws.CredentialsProvider // required: Writ's own credentials
	STS        STS                     // required: who vends its sessions
}

// stsTime bounds one question to STS, its repeats included.
const stsTime = 15 * time.Second

// RoleAccount is the account that a role's ARN is in; empty when it is no
// role's ARN.
func RoleAccount(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || !bedrock.ValidPartition(parts[1]) || parts[2] != "iam" || parts[3] != "" ||
		!bedrock.ValidAccount(parts[4]) || !strings.HasPrefix(parts[5], "role/") || len(parts[5]) == len("role/") {
		return ""
	}
	return parts[4]
}

// with is STS as it is asked with some credentials.
func (s STS) with(credentials aws.CredentialsProvider) (*sts.Client, error) {
	o := sts.Options{Region: s.Region, Credentials: aws.NewCredentialsCache(credentials), AppID: "writ-gateway"}
	if s.Endpoint != "" {
		u, err := origin("STS endpoint", s.Endpoint)
		if err != nil {
			return nil, err
		}
		o.BaseEndpoint = aws.String(u.Scheme + "://" + u.Host)
	}
	tr := transport(Config{TLS: s.TLS, HeaderTimeout: stsTime})
	tr.MaxIdleConnsPerHost = 16
	o.HTTPClient = &http.Client{Transport: tr, Timeout: stsTime, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // a signed request is for whom it was signed
	}}
	return sts.New(o), nil
}

// wanted is one session to ask STS for.
type wanted struct {
	name   string // RoleSessionName
	source string // SourceIdentity; empty: none
	policy string // session policy; empty: the role's whole right
	life   time.Duration
}

// assume asks STS for a session of the role, and believes the answer only if
// it is for the account, and the identity, that were asked for.
func (r *Role) assume(ctx context.Context, client *sts.Client, w wanted) (aws.Credentials, error) {
	in := &sts.AssumeRoleInput{
		RoleArn: aws.String(r.ARN), RoleSessionName: aws.String(w.name), DurationSeconds: aws.Int32(int32(w.life / time.Second)),
	}
	for to, s := range map[**string]string{&in.SourceIdentity: w.source, &in.Policy: w.policy, &in.ExternalId: r.ExternalID} {
		if s != "" {
			*to = aws.String(s)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, stsTime)
	defer cancel()
	out, err := client.AssumeRole(ctx, in)
	if err != nil {
		return aws.Credentials{}, fmt.Errorf("assuming %s: %w", r.ARN, err)
	}
	account := RoleAccount(r.ARN)
	switch c := out.Credentials; {
	case c == nil || aws.ToString(c.AccessKeyId) == "" || aws.ToString(c.SecretAccessKey) == "" || aws.ToString(c.SessionToken) == "" || c.Expiration == nil:
		err = errors.New("STS answered with half a credential")
	case out.AssumedRoleUser == nil || !strings.Contains(aws.ToString(out.AssumedRoleUser.Arn), ":sts::"+account+":assumed-role/"):
		err = errors.New("STS answered with a session of another account's")
	case aws.ToString(out.SourceIdentity) != "" && *out.SourceIdentity != w.source: // moto says nothing of it
		err = errors.New("STS answered with a session that names another identity")
	default:
		return aws.Credentials{
			AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken,
			CanExpire: true, Expires: c.Expiration.UTC(), AccountID: account, Source: "writ",
		}, nil
	}
	return aws.Credentials{}, fmt.Errorf("assuming %s: %w", r.ARN, err)
}

// Shared are credentials for every call in a role's account: its whole right,
// whoever calls. CloudTrail then names the gateway and not the identity.
func (r Role) Shared() (aws.CredentialsProvider, error) {
	if RoleAccount(r.ARN) == "" {
		return nil, fmt.Errorf("%q is not the ARN of a role", r.ARN)
	}
	client, err := r.STS.with(r.Base)
	if err != nil {
		return nil, err
	}
	source := aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		return r.assume(ctx, client, wanted{name: gatewaySession, life: Longest})
	})
	return aws.NewCredentialsCache(source, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = refreshAhead }), nil
}

// gatewaySession names the sessions that are for no grant.
const gatewaySession = "writ-gateway"
