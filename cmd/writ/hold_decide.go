package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/hold"
)

// holdWord is what the verbs share that decide on a hold.
type holdWord struct {
	dataFlag
	ID      string `arg:"" help:"Id of the hold."`
	As      string `help:"Operator in whose place, who delegated to you." placeholder:"NAME"`
	Version int64  `help:"Refuse if the hold is no longer at the version that was seen; writ hold show --json says which. Default: what is shown before asking." placeholder:"N"`
	JSON    bool   `help:"Print JSON; implies --yes."`
}

// decide shows a hold, asks, and decides on what was shown. word makes the decision
// of what the hold is.
func (c *holdWord) decide(ctx context.Context, sure bool, word func(*governance.HoldView) (api.HoldDecision, error)) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	v, err := client.Hold(ctx, c.ID)
	if err != nil {
		return err
	}
	if !c.JSON {
		if err := printHold(os.Stderr, &v); err != nil {
			return err
		}
	}
	in, err := word(&v)
	if err != nil {
		return err
	}
	in.For = c.As
	if !c.JSON {
		fmt.Fprint(os.Stderr, choicesShown(&v, &in))
	}
	if !sure && !c.JSON && !agreed(os.Stdin, os.Stderr, string(in.Verdict)+" this? [y/N] ") {
		return &negative{"nothing was decided"}
	}
	version := v.Version
	if c.Version != 0 {
		version = c.Version
	}
	if v, err = client.DecideHold(ctx, c.ID, version, in); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(v)
	}
	_, err = fmt.Fprintf(os.Stderr, "%s %s\n", v.ID, heldStanding(&v))
	return err
}

// choicesShown says what would become of each call, where they are told apart.
func choicesShown(v *governance.HoldView, in *api.HoldDecision) string {
	var b strings.Builder
	for _, c := range in.Calls {
		call, _ := v.Call(c.Index)
		fmt.Fprintf(&b, "\ncall %d: %s: %s\n", c.Index, call.Tool, c.Verdict)
		if asked := askedAt(v, c.Index); c.Verdict == hold.Edit && asked != nil {
			b.WriteString(diffShown(hold.Diff(asked.Raw, c.Arguments)))
		}
	}
	if in.Verdict == hold.Release && v.Given > 0 && !sameAs(v, in.Calls) {
		b.WriteString("\nothers agreed on something else: their word will count no more\n")
	}
	return b.String()
}

// sameAs reports whether choices are those that people have agreed on.
func sameAs(v *governance.HoldView, choices []api.CallDecision) bool {
	return slices.EqualFunc(choices, v.Agreed(), func(a api.CallDecision, b hold.CallChoice) bool {
		digest := ""
		if a.Verdict == hold.Edit {
			digest, _ = hold.Digest(a.Arguments) // what has none is refused
		}
		return a.Index == b.Index && a.Verdict == b.Verdict && digest == b.Edited
	})
}

func askedAt(v *governance.HoldView, index int) *governance.CallView {
	for i := range v.Asked {
		if v.Asked[i].Index == index {
			return &v.Asked[i]
		}
	}
	return nil
}

type holdReleaseCmd struct {
	holdWord
	Call   []int  `help:"Release this call as the model asked for it, and reject the others; may be repeated. Default: all, or what others have agreed on." placeholder:"N"`
	Reason string `help:"Why; it is recorded." placeholder:"TEXT"`
	Yes    bool   `short:"y" help:"Do not ask. Nobody is asked either where standard input is no terminal."`
}

func (c *holdReleaseCmd) Help() string {
	return `Shows what waits, asks, and releases it as it was shown: if it changes meanwhile the
release is refused. Where more than one person has to agree, they have to agree on the
same: without --call, yours joins what the others agreed on, with the arguments that
they edited.`
}

func (c *holdReleaseCmd) Run(ctx context.Context) error {
	return c.decide(ctx, c.Yes, func(v *governance.HoldView) (api.HoldDecision, error) {
		in := api.HoldDecision{Verdict: hold.Release, Reason: c.Reason}
		var err error
		if len(c.Call) == 0 {
			in.Calls = standingChoices(v)
		} else {
			in.Calls, err = chosen(v, c.Call)
		}
		return in, err
	})
}

// standingChoices are those that people have agreed on; while there are none, every
// call is released as the model asked for it.
func standingChoices(v *governance.HoldView) []api.CallDecision {
	var out []api.CallDecision
	for _, choice := range v.Agreed() {
		d := api.CallDecision{Index: choice.Index, Verdict: choice.Verdict}
		if asked := askedAt(v, choice.Index); choice.Verdict == hold.Edit && asked != nil {
			d.Arguments = asked.Agreed
		}
		out = append(out, d)
	}
	if out != nil {
		return out
	}
	for _, call := range v.Calls {
		out = append(out, api.CallDecision{Index: call.Index, Verdict: hold.Release})
	}
	return out
}

// chosen releases the calls that are named, and rejects the others.
func chosen(v *governance.HoldView, indexes []int) ([]api.CallDecision, error) {
	var out []api.CallDecision
	for _, call := range v.Calls {
		d := api.CallDecision{Index: call.Index, Verdict: hold.Reject}
		if slices.Contains(indexes, call.Index) {
			d.Verdict = hold.Release
		}
		out = append(out, d)
	}
	for _, i := range indexes {
		if _, ok := v.Call(i); !ok {
			return nil, withHint(fmt.Errorf("--call %d: no such call waits", i), "writ hold show %s numbers them", v.ID)
		}
	}
	return out, nil
}

type holdEditCmd struct {
	holdWord
	Call      int    `required:"" help:"The call, by its number." placeholder:"N"`
	Arguments string `required:"" help:"What it is released with: JSON, or a file with it; - reads stdin." placeholder:"JSON|FILE"`
	With      []int  `help:"Release this call too, as the model asked for it; may be repeated. Those that are not named are rejected." placeholder:"N"`
	Reason    string `help:"Why; it is recorded." placeholder:"TEXT"`
	Yes       bool   `short:"y" help:"Do not ask. Nobody is asked either where standard input is no terminal."`
}

func (c *holdEditCmd) Help() string {
	return `Releases a call with arguments in the place of the model's, and records it as edited.
The difference is shown first. Other calls that wait with it are rejected, unless --with
names them. Where more than one person has to agree, all have to agree on the same
arguments: an edit voids what was agreed on before.`
}

func (c *holdEditCmd) Run(ctx context.Context) error {
	arguments, err := argumentsIn(c.Arguments)
	if err != nil {
		return err
	}
	return c.decide(ctx, c.Yes, func(v *governance.HoldView) (api.HoldDecision, error) {
		in := api.HoldDecision{Verdict: hold.Release, Reason: c.Reason}
		if in.Calls, err = chosen(v, append(slices.Clone(c.With), c.Call)); err != nil {
			return in, err
		}
		for i := range in.Calls {
			if in.Calls[i].Index == c.Call {
				in.Calls[i].Verdict, in.Calls[i].Arguments = hold.Edit, arguments
			}
		}
		return in, nil
	})
}

// argumentsIn reads the arguments of a tool call, which are JSON, or in a file.
func argumentsIn(given string) ([]byte, error) {
	out := []byte(given)
	if !strings.HasPrefix(strings.TrimSpace(given), "{") {
		var err error
		if out, err = readAtMost(given, hold.MaxArguments); err != nil {
			return nil, withHint(fmt.Errorf("reading the arguments: %w", err), "--arguments takes JSON that begins with a brace, or the name of a file with JSON")
		}
	}
	if _, err := hold.Digest(out); err != nil {
		return nil, withHint(fmt.Errorf("the arguments: %w", err), "a name given twice, or a number that programs round, is not released")
	}
	return out, nil
}

type holdRejectCmd struct {
	holdWord
	Reason string `required:"" help:"Why; the caller is told." placeholder:"TEXT"`
}

func (c *holdRejectCmd) Run(ctx context.Context) error {
	if strings.TrimSpace(c.Reason) == "" {
		return withHint(errors.New("a rejection needs a reason"), "--reason TEXT: the caller is told")
	}
	return c.decide(ctx, true, func(*governance.HoldView) (api.HoldDecision, error) {
		return api.HoldDecision{Verdict: hold.Reject, Reason: c.Reason}, nil
	})
}
