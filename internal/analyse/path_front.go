package analyse

import (
	"iter"
	"slices"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
)

// front is the nodes that the next step leads to, by whom their trust policies
// let in.
type front struct {
	all     []*node
	anyone  []*node            // roles that may let in whoever it is
	account []*node            // roles that leave it to the policies of an account's principals
	named   map[string][]*node // roles by the ARN of a principal that they name
}

func newFront() *front { return &front{named: map[string][]*node{}} }

func (fr *front) add(n *node) {
	fr.all = append(fr.all, n)
	if n.p.Kind != estate.Role {
		return
	}
	anyone, account, names := lets(n.p.Trust)
	if anyone {
		fr.anyone = append(fr.anyone, n)
	}
	if account {
		fr.account = append(fr.account, n)
	}
	for _, arn := range names {
		fr.named[arn] = append(fr.named[arn], n)
	}
}

// of are the nodes that an actor may come to; trusted: by a trust policy.
func (fr *front) of(act *actor, trusted bool) iter.Seq[*node] {
	if !trusted {
		return slices.Values(fr.all)
	}
	return func(yield func(*node) bool) {
		lists := [][]*node{fr.named[act.p.ARN], fr.anyone}
		if act.assumes {
			lists = append(lists, fr.account)
		}
		for _, list := range lists {
			for _, n := range list {
				if !yield(n) {
					return
				}
			}
		}
	}
}

// lets is whom a trust policy may let in: anyone, an account's principals, or
// those that it names.
func lets(trust *awsiam.Document) (anyone, account bool, names []string) {
	if trust == nil || trust.Doubt != "" {
		return false, true, nil
	}
	for i := range trust.Statements {
		s := &trust.Statements[i]
		switch {
		case s.Effect == awsiam.Deny:
			continue
		case s.Principal == nil || s.Principal.Not || s.Principal.Anyone || s.Doubts.Principal != "" || slices.Contains(s.Principal.AWS, "*"):
			anyone = true
			continue
		}
		for _, name := range s.Principal.AWS {
			if p, err := awsiam.ParsePrincipal(name); err == nil && p.Root() {
				account = true
			} else if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return anyone, account, names
}
