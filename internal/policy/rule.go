package policy

import (
	"time"

	"github.com/writ-project/writ/internal/rights"
)

// The actions of the schema.
var (
	actInvoke         = action("InvokeModel")
	actInvokeStream   = action("InvokeModelWithResponseStream")
	actCountTokens    = action("CountTokens")
	actApplyGuardrail = action("ApplyGuardrail")
	actInvokeTool     = action("InvokeTool")
	actUseObject      = action("UseObject")
	actUseKey         = action("UseKey")
	actWriteObject    = action("WriteObject")
	actStartAsync     = action("StartAsyncInvoke")
	actGetAsync       = action("GetAsyncInvoke")
	actListAsync      = action("ListAsyncInvokes")
	actTag            = action("TagResource")
	actRelease        = action("Release")

	groupOblige = action("Oblige")
)

func action(name string) uid { return newUID(actionType, name) }

func obligation(name string) uid { return action("oblige:" + name) }

// rule is one Cedar policy with what Writ knows about it.
type rule struct {
	id       string // unique in a bundle; appears in reasons
	text     string // what it says, for people
	forbid   bool
	head     head
	tree     *policyTree     // the policy in full
	compiled *compiledPolicy // what is evaluated once the action is known to match
	clauses  []clause        // its conditions one by one, all of which must hold
	partial  bool            // it may read what is not the same for all legs of a call
	output   bool            // it may read context.output
	bound    int64           // of @max_output_tokens; 0: none is stated
	grant    *rights.Grant
}

// newRule compiles a policy. What is evaluated leaves out the constraint on
// the action, which the index has tested by name: walking action groups again
// for every rule would cost more than all its conditions.
func newRule(id, text string, p *policyTree) *rule {
	return &rule{
		id: id, text: text, forbid: forbids(p), head: headOf(p), tree: p,
		compiled: compilePolicy(withoutAction(p)), partial: readsLeg(p), output: readsOutput(p), bound: boundOf(p),
	}
}

func (r *rule) effect() string {
	if r.forbid {
		return EffectForbid
	}
	return EffectPermit
}

func (r *rule) reason() Reason { return Reason{Policy: r.id, Effect: r.effect(), Text: r.text} }

// ends is when the rule's grant ends; zero for a rule without one.
func (r *rule) ends() time.Time {
	if r.grant == nil {
		return time.Time{}
	}
	return r.grant.NotAfter
}

// clause is one condition of a policy.
type clause struct {
	node node
	// path is the attribute it tests, from context or, for attributes of the
	// identity, from principal; empty when it tests several.
	path []string
	text string // what must be: the rest of a sentence that begins with the path
}
