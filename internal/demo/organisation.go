package demo

import (
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
)

// Account is the AWS account of the sample organisation; it is AWS's own
// documentation account, so nobody's.
const Account = "111122223333"

// PricingModel is the sample organisation's imported model.
const PricingModel = "arn:aws:bedrock:us-east-1:" + Account + ":imported-model/pricing0001"

//go:embed organisation
var files embed.FS

// grants of the sample organisation: who holds which entitlement. They are
// made rather than read, because they end some time after the demo starts.
var grants = map[string]string{
	"support-agent":     "support-conversations",
	"ci-summariser":     "code-summaries",
	"invoice-triage":    "invoice-triage",
	"partner-inference": "partner-inference",
	"sales-agent":       "sales-drafting",
	"analytics":         "nova-family",
	"shared-runtime":    "everything",
}

// grantLife is how long the sample grants last.
const grantLife = 30 * 24 * time.Hour

// Organisation is the sample organisation, with tokens believed from issuer
// and grants from now on.
func Organisation(issuer string, now time.Time) ([]manifest.Resource, error) {
	sub, err := fs.Sub(files, "organisation")
	if err != nil {
		return nil, err
	}
	all, err := manifest.LoadDir(sub)
	if err != nil {
		return nil, fmt.Errorf("reading the sample organisation: %w", err)
	}
	all = append(all, manifest.Resource{Kind: manifest.Issuer, Name: "demo", Spec: &identity.Issuer{
		ID: "demo", URL: issuer, Algorithms: []string{"ES256"}, AllowLocal: true,
	}})
	for who, what := range grants {
		all = append(all, grant(who, what, now))
	}
	return append(all, grant("sales-agent", "pricing", now)), nil
}

func grant(who, what string, now time.Time) manifest.Resource {
	name := who + "." + what
	from := now.UTC().Truncate(24 * time.Hour)
	return manifest.Resource{Kind: manifest.Grant, Name: name, Spec: &rights.Grant{
		ID: name, Identity: who, Entitlement: what, NotBefore: from, NotAfter: from.Add(grantLife),
		Origin: rights.OriginBootstrap, Reason: "sample organisation",
	}}
}
