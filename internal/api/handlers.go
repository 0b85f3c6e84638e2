package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/store"
)

// BearerFunc seals a recorded session as a bearer token.
type BearerFunc func(identity.Session) (string, error)

// ContainerFunc seals a recorded session as a container token.
type ContainerFunc func(identity.Session) (string, error)

// DemoTokenFunc has the demo's OIDC issuer sign a token.
type DemoTokenFunc func(subject, audience string, ttl time.Duration) (string, error)

// LocalAdmin is the operator that the data directory's own token acts as.
const LocalAdmin = governance.LocalAdmin

func (s *Server) status(context.Context, *http.Request, none) (Status, error) {
	return s.cfg.Status(), nil
}

func (s *Server) whoami(context.Context, *http.Request, none) (Whoami, error) {
	who := Whoami{Operator: LocalAdmin, Rights: []string{"apply", "get", "delete", "explain", "revoke_sessions", "rotate_keys"}}
	if s.cfg.Impersonation {
		who.Rights = append(who.Rights, "impersonate")
	}
	return who, nil
}

func (s *Server) apply(ctx context.Context, _ *http.Request, in ApplyRequest) (ApplyAnswer, error) {
	out, err := Apply(ctx, s.cfg.Office, in)
	return out, errors.Join(err, s.inForce(ctx, out.Applied))
}

// inForce makes a change count here before its author is told of it.
func (s *Server) inForce(ctx context.Context, changed bool) error {
	if !changed {
		return nil
	}
	return s.cfg.State.Refresh(ctx)
}

// Apply plans what the request's files ask for and, unless it is a dry run,
// carries it out. The command line uses it too where no server is live.
func Apply(ctx context.Context, office *governance.Office, in ApplyRequest) (ApplyAnswer, error) {
	wanted, err := parseFiles(in.Files)
	if err != nil {
		return ApplyAnswer{}, err
	}
	plan, err := office.Plan(ctx, wanted, in.Prune)
	if err != nil {
		return ApplyAnswer{}, err
	}
	if in.Revision != 0 && in.Revision != plan.Revision {
		return ApplyAnswer{}, store.ErrConflict
	}
	out := ApplyAnswer{Steps: steps(plan), Revision: plan.Revision}
	if in.DryRun || plan.Steps() == 0 {
		return out, nil
	}
	out.Revision, err = office.Apply(ctx, governance.Local("api"), "apply", plan)
	out.Applied = err == nil
	return out, err
}

func parseFiles(files []File) ([]manifest.Resource, error) {
	var all []manifest.Resource
	var errs []error
	for _, f := range files {
		found, err := manifest.Parse(f.Name, []byte(f.Text))
		all, errs = append(all, found...), append(errs, err)
		for _, r := range found {
			errs = append(errs, lint(r)...)
		}
	}
	return all, errors.Join(errs...)
}

// lint reports what is wrong with a policy at its place in the file.
func lint(r manifest.Resource) (errs []error) {
	p, ok := r.Spec.(*manifest.Policy)
	if !ok {
		return nil
	}
	for _, problem := range policy.Lint([]policy.Document{{Name: r.File, Text: p.Text}}) {
		if problem.Severity == policy.SeverityError {
			errs = append(errs, fmt.Errorf("%s:%d: %s", problem.File, problem.Line, problem.Text))
		}
	}
	return errs
}

func steps(p governance.Plan) []Step {
	out := make([]Step, 0, len(p.Changes))
	for _, c := range p.Changes {
		s := Step{Op: string(c.Op), Kind: string(c.Resource.Kind), Name: c.Resource.Name, Warnings: warnings(c)}
		if c.Op == manifest.Update {
			for _, d := range c.Diff() {
				s.Fields = append(s.Fields, Field(d))
			}
		}
		out = append(out, s)
	}
	return out
}

// warnings names what a change brings that is allowed and rarely meant.
func warnings(c manifest.Change) []string {
	if c.Op != manifest.Create && c.Op != manifest.Update {
		return nil
	}
	var out []string
	switch spec := c.Resource.Spec.(type) {
	case *identity.Binding:
		if w := spec.Wide(); w != "" {
			out = append(out, w)
		}
		if spec.AllowAWSAudience {
			out = append(out, "its tokens also work at AWS's own STS: whoever sees one can use it there")
		}
	case *identity.Issuer:
		if spec.AllowLocal {
			out = append(out, "its keys may be fetched from private addresses, over plain HTTP too")
		}
		if w := unreadableBundle(spec); w != "" {
			out = append(out, w)
		}
	case *manifest.Policy:
		for _, p := range policy.Lint([]policy.Document{{Name: spec.ID, Text: spec.Text}}) {
			out = append(out, p.String())
		}
	}
	return out
}

func (s *Server) get(ctx context.Context, r *http.Request, _ none) ([]Item, error) {
	kind, err := kindOf(r)
	if err != nil {
		return nil, err
	}
	return Get(ctx, s.cfg.Store, kind, r.URL.Query().Get("name"))
}

// Get reads the resources of a kind, or the named one.
func Get(ctx context.Context, db *store.DB, kind manifest.Kind, name string) ([]Item, error) {
	rows, err := db.List(ctx, kind)
	if err != nil {
		return nil, err
	}
	out := make([]Item, 0, len(rows))
	for _, row := range rows {
		if name != "" && row.Name != name {
			continue
		}
		item, err := itemOf(row)
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	if name != "" && len(out) == 0 {
		return nil, fmt.Errorf("%s/%s: %w", kind, name, store.ErrNotFound)
	}
	return out, nil
}

func itemOf(row store.Row) (Item, error) {
	r, err := row.Resource()
	if err != nil {
		return Item{}, err
	}
	text, err := r.YAML()
	if err != nil {
		return Item{}, err
	}
	return Item{Kind: string(row.Kind), Name: row.Name, Spec: json.RawMessage(row.Spec), YAML: string(text)}, nil
}

func (s *Server) delete(ctx context.Context, r *http.Request, _ none) (ApplyAnswer, error) {
	kind, err := kindOf(r)
	if err != nil {
		return ApplyAnswer{}, err
	}
	out, err := Delete(ctx, s.cfg.Office, kind, r.URL.Query().Get("name"))
	return out, errors.Join(err, s.inForce(ctx, out.Applied))
}

// Delete deletes one resource that nothing refers to any more.
func Delete(ctx context.Context, office *governance.Office, kind manifest.Kind, name string) (ApplyAnswer, error) {
	plan, err := office.Delete(ctx, kind, name)
	if err != nil {
		return ApplyAnswer{}, err
	}
	revision, err := office.Apply(ctx, governance.Local("api"), "delete", plan)
	return ApplyAnswer{Steps: steps(plan), Revision: revision, Applied: err == nil}, err
}

func (s *Server) explain(_ context.Context, _ *http.Request, in ExplainRequest) (policy.Explanation, error) {
	state := s.cfg.State.Current()
	if state == nil {
		return policy.Explanation{}, errUnavailable
	}
	return Explain(state, Place{Account: s.cfg.Account, Region: s.cfg.Region}, in, time.Now())
}

func (s *Server) revoke(ctx context.Context, _ *http.Request, in struct {
	Identity string `json:"identity"`
}) (map[string]uint32, error) {
	epoch, err := s.cfg.Office.RevokeSessions(ctx, governance.Local("api"), in.Identity)
	if err != nil {
		return nil, err
	}
	return map[string]uint32{"epoch": epoch}, s.inForce(ctx, true)
}

func (s *Server) rotate(ctx context.Context, _ *http.Request, in struct {
	Emergency bool `json:"emergency"`
}) (map[string]uint32, error) {
	epoch, err := s.cfg.Keys.Rotate(ctx, governance.Local("api"), in.Emergency)
	if err != nil {
		return nil, err
	}
	if in.Emergency {
		s.cfg.Exchange.Forget()    // nor may a proof repeated get a void session again
		s.cfg.Gateway.Reconsider() // calls in progress stand on sessions that no longer count
	}
	return map[string]uint32{"keyEpoch": epoch}, nil
}

func (s *Server) demoToken(_ context.Context, _ *http.Request, in DemoTokenRequest) (DemoTokenAnswer, error) {
	token, err := s.cfg.DemoToken(in.Subject, in.Audience, time.Duration(in.Seconds)*time.Second)
	return DemoTokenAnswer{Token: token}, err
}
