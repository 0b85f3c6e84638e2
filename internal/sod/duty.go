package sod

import (
	"maps"
	"slices"
)

// The duties. What each is about — the Object of a Held — is said with it; an
// empty object is everything.
const (
	Request          Duty = "request"            // Entitlement/name
	Approve          Duty = "approve"            // Identity/name or Entitlement/name
	ReviewBreakGlass Duty = "review_break_glass" // Grant/name
	BreakGlass       Duty = "break_glass"        // Grant/name
	Operate          Duty = "operate"            // Identity/name
	Administer       Duty = "administer"         //
	Attest           Duty = "attest"             // Model/name
	Own              Duty = "own"                // Identity/name; Entitlement/name and Model/name where a rule is about those
	Invoke           Duty = "invoke"             // Model/name
	WriteBack        Duty = "write_back"         //
	ChangeModel      Duty = "change_model"       // Model/name
	ChangeGuardrail  Duty = "change_guardrail"   //
	ChangeLogging    Duty = "change_logging"     //
	ChangeBinding    Duty = "change_binding"     // Identity/name
	ChangeProxy      Duty = "change_proxy"       //
	EditPolicy       Duty = "edit_policy"        //
	EditEntitlement  Duty = "edit_entitlement"   // Entitlement/name
	EditPrompt       Duty = "edit_prompt"        // Prompt/name
	PublishPrompt    Duty = "publish_prompt"     // Prompt/name
	ReleaseHold      Duty = "release_hold"       // Identity/name; "others" where the holder is near to nobody
	RaiseBudget      Duty = "raise_budget"       // Budget/name
	Spend            Duty = "spend"              // Budget/name
	CreateBedrockKey Duty = "create_bedrock_key" // Key/name
	UseBedrockKey    Duty = "use_bedrock_key"    // Key/name
)

// meanings says what each duty is, to go after "may" or "does".
var meanings = map[Duty]string{
	Request:          "ask for grants",
	Approve:          "approve requests",
	ReviewBreakGlass: "close the review of an emergency",
	BreakGlass:       "take an emergency grant",
	Operate:          "revoke grants and quarantine",
	Administer:       "configure Writ",
	Attest:           "vouch that a model passed a validation",
	Own:              "answer, as sponsor, owner or deputy, for an identity that may invoke",
	Invoke:           "invoke models",
	WriteBack:        "write a model's answers back, or let them be written",
	ChangeModel:      "change a model's entry, profile or required validations",
	ChangeGuardrail:  "change guardrails, or which are required",
	ChangeLogging:    "change what is logged, and where to",
	ChangeBinding:    "change how an identity proves itself",
	ChangeProxy:      "change the proxies and networks that calls come through",
	EditPolicy:       "edit policies",
	EditEntitlement:  "edit entitlements: what they give and who approves it",
	EditPrompt:       "edit prompts, flows or agents",
	PublishPrompt:    "publish an alias of a prompt, flow or agent",
	ReleaseHold:      "release held answers and tool calls",
	RaiseBudget:      "raise a budget",
	Spend:            "spend from a budget",
	CreateBedrockKey: "create Bedrock API keys",
	UseBedrockKey:    "be the only user of a Bedrock API key",
}

// Duties lists every duty.
var Duties = slices.Sorted(maps.Keys(meanings))

// Text says what a duty is, to go after "may" or "does".
func (d Duty) Text() string { return meanings[d] }

// Unseen are the duties that Writ cannot, or not wholly, know today, and why. What
// of them is asserted counts; that none is asserted says nothing.
func Unseen() map[Duty]string {
	const inAWS = "who may do it in AWS itself is not read here"
	return map[Duty]string{
		ChangeModel: inAWS, ChangeGuardrail: inAWS, ChangeLogging: inAWS, ChangeProxy: "who runs the network is not read here",
		EditPrompt: inAWS, PublishPrompt: inAWS, CreateBedrockKey: inAWS, UseBedrockKey: inAWS,
		WriteBack: "what a workload does with an answer by itself is not seen here; the calls of its tools that write wait for a human, whose duty they are",
	}
}
