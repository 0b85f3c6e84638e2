package hold

import (
	"errors"
	"fmt"
	"time"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/receipt"
)

// Opening is what a hold is made from.
type Opening struct {
	Identity, Session, Environment, Team string
	Model, Operation, Region, Account    string
	Decision, Shard                      string // id of the call, and its intent's record
	Record                               uint64
	Prompt, Answer                       Label
	Whole                                bool // the whole answer waits
	Terms                                Terms
	Calls                                []Asked // that wait
	Content                              Content // its Calls are filled in
}

// Asked is a tool call that waits, as the model asked for it.
type Asked struct {
	Index                     int
	ID, Tool, ToolDigest, Why string
	Arguments                 []byte
}

// New is a hold of an answer from now on, with the content that waits. It has no
// ID yet. What cannot be held is an error, and must not go out.
func New(o Opening, now time.Time) (Hold, Content, error) {
	h := Hold{
		Identity: o.Identity, Session: o.Session, Environment: o.Environment, Team: o.Team, Panels: o.Terms.Panels,
		Model: o.Model, Operation: o.Operation, Region: o.Region, Account: o.Account,
		Decision: o.Decision, Shard: o.Shard, Record: o.Record, Prompt: o.Prompt, Answer: o.Answer,
		Whole: o.Whole, Size: int64(len(o.Content.Answer)), Mode: o.Terms.Mode, Needed: o.Terms.Needed, Thresholds: o.Terms.Thresholds,
		Receipt: identity.Duration(o.Terms.Receipt), Created: instant(now), Expires: instant(now).Add(o.Terms.Expires), State: Pending,
	}
	c := o.Content
	c.Calls = make(map[int][]byte, len(o.Calls))
	for _, a := range o.Calls {
		call := Call{Index: a.Index, ID: a.ID, Tool: a.Tool, ToolDigest: a.ToolDigest, Why: a.Why}
		if a.Why != Malformed {
			call.Digest, _ = Digest(a.Arguments) // without one it takes an edit
		}
		call.Needed = NeededFor(h.Thresholds, a.Tool, a.Arguments)
		h.Needed = max(h.Needed, call.Needed)
		h.Calls = append(h.Calls, call)
		c.Calls[a.Index] = a.Arguments
	}
	return h, c, h.check()
}

// Digest is how a hold names arguments: the SHA-256 of their canonical form, in
// hex, as receipts have it.
func Digest(arguments []byte) (string, error) {
	if len(arguments) > MaxArguments {
		return "", fmt.Errorf("%w: %d bytes of arguments", ErrTooLarge, len(arguments))
	}
	return receipt.Digest(arguments)
}

// CheckContent reports content that is not what a hold names: the arguments of its
// calls, and those that they were edited to.
func (h *Hold) CheckContent(c *Content) error {
	for _, call := range h.Calls {
		if err := sameArguments(call.Digest, c.Calls[call.Index]); err != nil {
			return fmt.Errorf("call %d: %w", call.Index, err)
		}
		if call.Verdict == Edit {
			if err := sameArguments(call.Edited, c.Edited[call.Index]); err != nil {
				return fmt.Errorf("call %d, as edited: %w", call.Index, err)
			}
		}
	}
	return nil
}

var errArguments = errors.New("the arguments are not those that were held")

func sameArguments(digest string, arguments []byte) error {
	if digest == "" {
		return nil // they have no canonical form, and go nowhere
	}
	if got, err := Digest(arguments); err != nil || got != digest {
		return errArguments
	}
	return nil
}

func instant(t time.Time) time.Time { return t.UTC().Round(0) }
