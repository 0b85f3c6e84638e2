package rights

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/identity"
)

func TestTermsOfAHoldHaveTheirForm(t *testing.T) {
	d := func(d time.Duration) identity.Duration { return identity.Duration(d) }
	threshold := func(edit func(*Threshold)) Hold {
		t := Threshold{Tool: "post_payment", Argument: "/amount", Over: "1000.50", Needed: 2}
		edit(&t)
		return Hold{Thresholds: []Threshold{t}}
	}
	for name, c := range map[string]struct {
		terms Hold
		want  string // in the error; empty: valid
	}{
		"nothing":            {Hold{}, ""},
		"everything":         {Hold{HoldWait, d(MaxHoldWait), d(MaxHoldExpiry), d(MaxReceiptLife), []string{"team:finance", "owner"}, 2, threshold(func(*Threshold) {}).Thresholds, UnknownRefuse}, ""},
		"another mode":       {Hold{Mode: "ask"}, "hold.mode"},
		"a long wait":        {Hold{Wait: d(51 * time.Second)}, "hold.wait"},
		"a negative wait":    {Hold{Wait: -1}, "hold.wait"},
		"a long hold":        {Hold{Expires: d(169 * time.Hour)}, "hold.expires"},
		"a long receipt":     {Hold{Receipt: d(25 * time.Hour)}, "hold.receipt"},
		"another selector":   {Hold{Approvers: []string{"everybody"}}, "hold.approvers"},
		"a selector twice":   {Hold{Approvers: []string{"owner", "owner"}}, "hold.approvers"},
		"a crowd":            {Hold{Needed: 9}, "hold.needed"},
		"less than nobody":   {Hold{Needed: -1}, "hold.needed"},
		"another way":        {Hold{Unknown: "pass"}, "hold.unknown"},
		"any tool":           {threshold(func(t *Threshold) { t.Tool = "" }), ""},
		"no argument":        {threshold(func(t *Threshold) { t.Argument = "" }), "argument"},
		"no pointer":         {threshold(func(t *Threshold) { t.Argument = "amount" }), "argument"},
		"a bad escape":       {threshold(func(t *Threshold) { t.Argument = "/a~2" }), "argument"},
		"an escape cut off":  {threshold(func(t *Threshold) { t.Argument = "/a~" }), "argument"},
		"a good escape":      {threshold(func(t *Threshold) { t.Argument = "/a~1b~0" }), ""},
		"no figure":          {threshold(func(t *Threshold) { t.Over = "" }), "over"},
		"a sign":             {threshold(func(t *Threshold) { t.Over = "-1" }), "over"},
		"an exponent":        {threshold(func(t *Threshold) { t.Over = "1e3" }), "over"},
		"a point at the end": {threshold(func(t *Threshold) { t.Over = "1." }), "over"},
		"a long figure":      {threshold(func(t *Threshold) { t.Over = strings.Repeat("1", 32) }), "over"},
		"one is no more":     {threshold(func(t *Threshold) { t.Needed = 1 }), "needed"},
		"many thresholds":    {Hold{Thresholds: make([]Threshold, 33)}, "hold.thresholds"},
	} {
		errs := Conditions{Hold: c.terms}.validate()
		text := ""
		for _, err := range errs {
			text += err.Error() + "; "
		}
		if (text == "") != (c.want == "") || !strings.Contains(text, c.want) {
			t.Errorf("%s: %q, want %q", name, text, c.want)
		}
	}
}

// TestAnEntitlementWithoutTermsIsWrittenAsBefore: its digest in the log stays good.
func TestAnEntitlementWithoutTermsIsWrittenAsBefore(t *testing.T) {
	got, err := json.Marshal(Entitlement{Models: []string{"m"}, Conditions: Conditions{HoldAnswer: true}})
	if want := `{"models":["m"],"conditions":{"holdAnswer":true}}`; err != nil || string(got) != want {
		t.Errorf("%s, want %s (%v)", got, want, err)
	}
}

func TestLooserTermsAreKnown(t *testing.T) {
	d := func(d time.Duration) identity.Duration { return identity.Duration(d) }
	two := []Threshold{{Argument: "/a", Over: "1", Needed: 2}}
	for name, c := range map[string]struct {
		was, now Hold
		want     string
	}{
		"the same":                 {Hold{Needed: 2}, Hold{Needed: 2}, ""},
		"one is the default":       {Hold{Needed: 1}, Hold{}, ""},
		"fewer":                    {Hold{Needed: 2}, Hold{}, "needed"},
		"more":                     {Hold{}, Hold{Needed: 2}, ""},
		"unknown passes to a hold": {Hold{Unknown: UnknownRefuse}, Hold{}, "unknown"},
		"named approvers":          {Hold{}, Hold{Approvers: []string{"role:approver"}}, ""},
		"other approvers":          {Hold{}, Hold{Approvers: []string{"role:approver", "anyone"}}, "approvers"},
		"some of them":             {Hold{Approvers: []string{"owner", "team:a"}}, Hold{Approvers: []string{"team:a"}}, ""},
		"back to the default":      {Hold{Approvers: []string{"team:a"}}, Hold{}, "approvers"},
		"longer receipts":          {Hold{}, Hold{Receipt: d(time.Hour)}, "receipt"},
		"shorter receipts":         {Hold{}, Hold{Receipt: d(time.Minute)}, ""},
		"longer":                   {Hold{Expires: d(time.Minute)}, Hold{}, "expires"},
		"no threshold":             {Hold{Thresholds: two}, Hold{}, "thresholds"},
		"two for everything":       {Hold{Thresholds: two}, Hold{Needed: 2}, ""},
		"a threshold more":         {Hold{Thresholds: two}, Hold{Thresholds: append(two, Threshold{Argument: "/b", Over: "1", Needed: 3})}, ""},
		"a call that waits":        {Hold{}, Hold{Mode: HoldWait, Wait: d(time.Second)}, ""},
	} {
		if got := c.now.Looser(c.was); got != c.want {
			t.Errorf("%s: looser by %q, want %q", name, got, c.want)
		}
	}
}
