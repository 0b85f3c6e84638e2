package governance

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/grant"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/sod"
	"github.com/writ-project/writ/internal/store"
)

// ValidationState is how a required validation of a model stands.
type ValidationState string

// The states. Only the first two let the model be invoked.
const (
	ValidationValid    ValidationState = "valid"
	ValidationExpiring ValidationState = "expiring" // within ValidationNotice
	ValidationExpired  ValidationState = "expired"
	ValidationMissing  ValidationState = "missing"
)

// How long before its end a validation is told of, first and last.
const (
	ValidationNotice = 30 * 24 * time.Hour
	ValidationUrgent = 7 * 24 * time.Hour
)

// ModelQuery picks models.
type ModelQuery struct {
	All   bool // those of the catalogue that nothing is stated about, too
	Due   bool // only those with a validation that is missing, expired or expiring
	After string
	Limit int
}

// ModelView is a model as its reader may see it.
type ModelView struct {
	ID string `json:"id"`
	bedrock.Model
	Validations []ValidationView `json:"validations,omitempty"`
	Usable      bool             `json:"usable"`         // every required validation is in force
	Until       time.Time        `json:"until,omitzero"` // when that ends; zero: never, or it has
	// Identities hold a right that ends at the model: their calls stop with a validation.
	Identities []string `json:"identities,omitempty"`
}

// ValidationView is one required validation of a model.
type ValidationView struct {
	Kind     string          `json:"kind"`
	State    ValidationState `json:"state"`
	Name     string          `json:"name,omitempty"` // of the attestation that counts, or counted last
	By       string          `json:"by,omitempty"`
	At       time.Time       `json:"at,omitzero"`
	Expires  time.Time       `json:"expires,omitzero"`
	Evidence string          `json:"evidence,omitempty"`
}

// Models lists models, by id: those that the organisation states something about,
// or all.
func (o *Office) Models(ctx context.Context, a Actor, q ModelQuery) (Page[ModelView], error) {
	s, err := o.present(ctx)
	if err != nil {
		return Page[ModelView]{}, err
	}
	stated, limit := statedModels(s), pageSize(q.Limit)
	var picked []bedrock.Model
	out := Page[ModelView]{Items: []ModelView{}}
	for _, m := range s.Catalogue.Models() {
		due := slices.ContainsFunc(m.Requires, func(kind string) bool {
			return standing(s, m.ID, kind, o.cfg.Now()).State != ValidationValid
		})
		if m.ID <= q.After || !q.All && !stated[m.ID] || q.Due && !due || !o.sees(ctx, a, modelObject(s, m)) {
			continue
		}
		if len(picked) == limit {
			out.Next = picked[limit-1].ID
			break
		}
		picked = append(picked, m)
	}
	users := usersOf(s, picked, o.cfg.Now())
	for _, m := range picked {
		out.Items = append(out.Items, o.modelView(ctx, a, s, m, users[m.ID]))
	}
	return out, nil
}

func statedModels(s *snapshot.Snapshot) map[string]bool {
	out := make(map[string]bool)
	for _, m := range s.Models() {
		out[m.ID] = true
	}
	for _, v := range s.Validations() {
		out[v.Model] = true
	}
	return out
}

// Model returns one model by its id or ARN, as the catalogue lists it.
func (o *Office) Model(ctx context.Context, a Actor, id string) (ModelView, error) {
	s, err := o.present(ctx)
	if err != nil {
		return ModelView{}, err
	}
	m, ok := s.Catalogue.Model(id)
	if !ok || !o.sees(ctx, a, modelObject(s, m)) {
		return ModelView{}, fmt.Errorf("model %q: %w", id, store.ErrNotFound)
	}
	return o.modelView(ctx, a, s, m, usersOf(s, []bedrock.Model{m}, o.cfg.Now())[m.ID]), nil
}

func modelObject(s *snapshot.Snapshot, m bedrock.Model) authority.Object {
	return authority.Object{Kind: "Model", Name: m.ID, Models: []string{m.ID}, Owners: accountsOf(s, m.Owner)}
}

func (o *Office) modelView(ctx context.Context, a Actor, s *snapshot.Snapshot, m bedrock.Model, users []string) ModelView {
	now := o.cfg.Now()
	v := ModelView{ID: m.ID, Model: m, Usable: true}
	v.Impact = cmp.Or(m.Impact, "medium")
	for _, kind := range m.Requires {
		r := standing(s, m.ID, kind, now)
		v.Validations = append(v.Validations, r)
		v.Usable = v.Usable && (r.State == ValidationValid || r.State == ValidationExpiring)
		if v.Until.IsZero() || r.Expires.Before(v.Until) {
			v.Until = r.Expires
		}
	}
	if !v.Usable {
		v.Until = time.Time{}
	}
	for _, name := range users {
		if o.sees(ctx, a, objectOf(s, "Identity", name, name, "")) {
			v.Identities = append(v.Identities, name)
		}
	}
	return v
}

// standing is how one required validation stands: by the attestation in force
// that lasts longest, else by the one that lasted longest.
func standing(s *snapshot.Snapshot, model, kind string, now time.Time) ValidationView {
	var best *bedrock.Validation
	for _, v := range s.Validations() {
		if v.Model == model && v.Kind == kind && !v.At.After(now) && (best == nil || v.Expires.After(best.Expires)) {
			best = v
		}
	}
	if best == nil {
		return ValidationView{Kind: kind, State: ValidationMissing}
	}
	out := ValidationView{Kind: kind, State: ValidationValid, Name: best.ID, By: best.By, At: best.At, Expires: best.Expires, Evidence: best.Evidence}
	switch left := best.Expires.Sub(now); {
	case left <= 0:
		out.State = ValidationExpired
	case left <= ValidationNotice:
		out.State = ValidationExpiring
	}
	return out
}

// usersOf are the identities that hold a live grant of a right that reaches a
// model, in order, by model.
func usersOf(s *snapshot.Snapshot, models []bedrock.Model, now time.Time) map[string][]string {
	reached := make(map[string][]string) // by entitlement
	for _, e := range s.Entitlements() {
		for _, m := range models {
			if reaches(s, e, m) {
				reached[e.ID] = append(reached[e.ID], m.ID)
			}
		}
	}
	out := make(map[string][]string)
	if len(reached) == 0 {
		return out
	}
	for _, g := range s.Grants() {
		if ids := reached[g.Entitlement]; len(ids) > 0 && grant.Live(*g, now) {
			for _, id := range ids {
				out[id] = append(out[id], g.Identity)
			}
		}
	}
	for id, names := range out {
		slices.Sort(names)
		out[id] = slices.Compact(names)
	}
	return out
}

func reaches(s *snapshot.Snapshot, e *rights.Entitlement, m bedrock.Model) bool {
	return slices.ContainsFunc(e.Models, func(text string) bool {
		sel, err := rights.ParseSelector(text, s.Catalogue)
		return err == nil && sel.Reaches(m, s.Catalogue)
	})
}

// ValidationDue is a required validation that ends soon, has ended or is missing,
// and whose calls stop with it.
type ValidationDue struct {
	Model      string         `json:"model"`
	Validation ValidationView `json:"validation"`
	Left       time.Duration  `json:"left,omitempty"` // until it ends; zero: it has
	Identities []string       `json:"identities,omitempty"`
}

// ValidationsDue finds the validations that end within a time of now, or have
// ended, the most urgent first.
func ValidationsDue(s *snapshot.Snapshot, now time.Time, within time.Duration) []ValidationDue {
	var out []ValidationDue
	var concerned []bedrock.Model
	for _, m := range s.Models() {
		full, _ := s.Catalogue.Model(m.ID)
		for _, kind := range full.Requires {
			v := standing(s, m.ID, kind, now)
			if left := max(v.Expires.Sub(now), 0); left <= within {
				out = append(out, ValidationDue{Model: m.ID, Validation: v, Left: left})
				concerned = append(concerned, full)
			}
		}
	}
	users := usersOf(s, concerned, now)
	for i := range out {
		out[i].Identities = users[out[i].Model]
	}
	slices.SortStableFunc(out, func(a, b ValidationDue) int { return cmp.Compare(a.Left, b.Left) })
	return out
}

// NextValidationEnd is when the next required validation that is in force ends;
// zero when none does.
func NextValidationEnd(s *snapshot.Snapshot, now time.Time) time.Time {
	var next time.Time
	for _, m := range s.Models() {
		full, _ := s.Catalogue.Model(m.ID)
		for _, kind := range full.Requires {
			end := standing(s, m.ID, kind, now).Expires
			if end.After(now) && (next.IsZero() || end.Before(next)) {
				next = end
			}
		}
	}
	return next
}

// Attestation says that a model passed a review.
type Attestation struct {
	Model    string    `json:"model"`    // required: id or ARN, as the catalogue lists it
	Kind     string    `json:"kind"`     // required: one of bedrock.ValidationKinds
	Evidence string    `json:"evidence"` // required: an https link
	Expires  time.Time `json:"expires"`  // required: at most MaxAttestation from now
}

// MaxAttestation is how long a validation can last.
const MaxAttestation = 366 * 24 * time.Hour

// Attest records that a model passed a review, by the actor. It replaces the
// last such attestation.
func (o *Office) Attest(ctx context.Context, a Actor, at Attestation) (ModelView, error) {
	_, err := o.commit(ctx, act{a, "model.attest", "model/" + at.Model}, func(s *snapshot.Snapshot) ([]store.Change, error) {
		m, ok := s.Catalogue.Model(at.Model)
		if !ok {
			return nil, fmt.Errorf("model %q: %w", at.Model, store.ErrNotFound)
		}
		if err := o.mayOnRow(ctx, a, authority.Attest, modelObject(s, m)); err != nil {
			return nil, err
		}
		if err := o.mayVouch(s, a, m); err != nil {
			return nil, err
		}
		return o.attesting(s, a, at)
	})
	if err != nil {
		return ModelView{}, err
	}
	return o.Model(ctx, a, at.Model)
}

// mayVouch refuses a program, and whoever has a duty that does not go with it,
// such as answering for an identity that uses the model. The duty's source is the
// act itself, so that a conflict counts anew although the same person vouched
// before.
func (o *Office) mayVouch(s *snapshot.Snapshot, a Actor, m bedrock.Model) error {
	if a.Operator == nil || a.Operator.Kind == operator.Automation {
		return &ForbiddenError{Action: authority.Attest, Reasons: []string{"a human attests"}}
	}
	added := []sod.Hand{{Kind: sod.HandPerson, Name: a.Operator.ID, Held: sod.Held{Duty: sod.Attest, Object: "Model/" + m.ID, Source: "this attestation"}}}
	found := sod.Would(o.rules(s), o.factsAbout(s, added), added, waiversOf(s), o.cfg.Now())
	if stops := sod.Preventing(found); len(stops) > 0 {
		return &DutiesError{Conflicts: stops}
	}
	return nil
}

func (o *Office) attesting(s *snapshot.Snapshot, a Actor, at Attestation) ([]store.Change, error) {
	now := o.cfg.Now().UTC()
	switch link, err := url.Parse(at.Evidence); {
	case err != nil || link.Scheme != "https" || link.Host == "" || len(at.Evidence) > 2048:
		return nil, fmt.Errorf("%w: evidence: want an https link to the review", ErrInvalid)
	case !at.Expires.After(now) || at.Expires.Sub(now) > MaxAttestation:
		return nil, fmt.Errorf("%w: expires: want a time from now on, and at most a year ahead", ErrInvalid)
	}
	name := attestationName(at.Model, at.Kind)
	v := &bedrock.Validation{ID: name, Model: at.Model, Kind: at.Kind, By: a.Name, At: now, Expires: at.Expires.UTC(), Evidence: at.Evidence}
	if _, there := s.Resource(manifest.Validation, name); there {
		return alone(update(manifest.Validation, name, v))
	}
	return alone(create(manifest.Validation, name, v))
}

// attestationName is the one name of a model's attestation of a kind. It cannot
// be read, since a model's id does not fit into a name.
func attestationName(model, kind string) string {
	sum := sha256.Sum256([]byte(model + "\n" + kind))
	return "attested." + hex.EncodeToString(sum[:12])
}
