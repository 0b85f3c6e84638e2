package analyse

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/rights"
)

const invokeAll = `{"Effect":"Allow","Action":"bedrock:InvokeModel*","Resource":"*"}`

// doors is an estate with a gateway and others that can invoke by one road or
// another.
func doors() trial {
	return trial{
		roles: map[string]trialRole{
			"gateway": {policies: []string{invokeAll}},
			"app":     {policies: []string{invokeAll}},
			"mantle":  {policies: []string{`{"Effect":"Allow","Action":"bedrock-mantle:CreateInference","Resource":"arn:aws:bedrock-mantle:us-east-1:111122223333:project/blue"}`}},
			"machine": {policies: []string{`{"Effect":"Allow","Action":"sagemaker:InvokeEndpoint","Resource":"arn:aws:sagemaker:us-east-1:111122223333:endpoint/llm"}`}},
			"reader":  {policies: []string{`{"Effect":"Allow","Action":["s3:GetObject","bedrock:ListFoundationModels"],"Resource":"*"}`}},
			"agent":   {policies: []string{invokeAll}, trust: `{"Effect":"Allow","Principal":{"Service":"bedrock.amazonaws.com"},"Action":"sts:AssumeRole"}`},
			"ops":     {policies: []string{`{"Effect":"Allow","Action":["organizations:DetachPolicy","sts:AssumeRole"],"Resource":"*"}`}},
		},
		bedrock: `{"account":"111122223333","region":"us-east-1","agents":[{"agentArn":"arn:aws:bedrock:us-east-1:111122223333:agent/A1","agentName":"a","agentResourceRoleArn":"arn:aws:iam::111122223333:role/agent","foundationModel":"` + sonnet + `"}]}`,
	}
}

func chokepointOf(t *testing.T, a *Analysis, o ChokepointOptions) Chokepoint {
	t.Helper()
	if o.Roles == nil {
		o.Roles = []string{roleARN("gateway")}
	}
	c, err := a.Chokepoint(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if !c.Proven() {
		t.Fatalf("not proven: %+v", c.Closed)
	}
	return c
}

func TestTheChokepointClosesEveryNamespaceAndLetsTheGatewayPass(t *testing.T) {
	for _, kind := range []string{SCPKind, BoundaryKind} {
		a := doors().load(t)
		c := chokepointOf(t, a, ChokepointOptions{Kind: kind})
		if c.Chars > 5120 || len(c.LeftOpen) != 0 || len(c.Namespaces) != len(inferenceServices) {
			t.Errorf("%s: %d characters, open %v, namespaces %v", kind, c.Chars, c.LeftOpen, c.Namespaces)
		}
		if len(c.Passes) != 1 || !c.Passes[0].Lost.Proven() || c.Passes[0].Rights == 0 {
			t.Errorf("%s: passes %+v", kind, c.Passes)
		}
		var broken []string
		for _, b := range c.Breaks {
			broken = append(broken, b.Principal[strings.LastIndexByte(b.Principal, '/')+1:]+" "+b.Action)
		}
		want := []string{"agent bedrock:InvokeModel", "app bedrock:InvokeModel", "machine sagemaker:InvokeEndpoint", "mantle bedrock-mantle:CreateInference"}
		if !slices.Equal(broken, want) {
			t.Errorf("%s: breaks %v", kind, broken)
		}
		if b := c.Breaks[0]; !slices.Equal(b.Workloads, []string{"arn:aws:bedrock:us-east-1:111122223333:agent/A1"}) || !slices.Equal(b.Service, []string{"bedrock.amazonaws.com"}) {
			t.Errorf("%s: %+v", kind, b)
		}
	}
}

func TestAPolicyThatForgetsANamespaceIsNotProven(t *testing.T) {
	a := doors().load(t)
	d, _ := awsiam.Parse("partial", []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"bedrock:*","Resource":"*","Condition":{"ArnNotEquals":{"aws:PrincipalArn":"`+roleARN("gateway")+`"}}}}`), awsiam.Position{})
	e := a.atlas().closes(withSCP(awsiam.Layers{}, d), []string{roleARN("gateway")}, a.Inference(), "")
	if e.Verdict != rights.NewAccess || strings.HasPrefix(e.Action, "bedrock:") {
		t.Errorf("%+v", e)
	}
}

func TestLoopholesInAnSCPAreFound(t *testing.T) {
	a := doors().load(t)
	gateway := roleARN("gateway")
	for name, s := range map[string]string{
		"a resource too few":             `"Resource":"arn:aws:bedrock:*::foundation-model/*","Condition":{"ArnNotEquals":{"aws:PrincipalArn":"` + gateway + `"}}`,
		"a model without a region":       `"NotResource":"arn:aws:bedrock:::foundation-model/*","Condition":{"ArnNotEquals":{"aws:PrincipalArn":"` + gateway + `"}}`,
		"a pattern of roles":             `"Resource":"*","Condition":{"ArnNotLike":{"aws:PrincipalArn":"` + gateway + `*"}}`,
		"a second condition":             `"Resource":"*","Condition":{"ArnNotEquals":{"aws:PrincipalArn":"` + gateway + `"},"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}`,
		"calls that are passed on":       `"Resource":"*","Condition":{"ArnNotEquals":{"aws:PrincipalArn":"` + gateway + `"},"Bool":{"aws:ViaAWSService":"false"}}`,
		"a region":                       `"Resource":"*","Condition":{"ArnNotEquals":{"aws:PrincipalArn":"` + gateway + `"},"StringLike":{"aws:RequestedRegion":"us-*"}}`,
		"the tag that anyone could have": `"Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalTag/door":"yes"}}`,
	} {
		d, problems := awsiam.Parse(name, []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"bedrock:InvokeModel",`+s+`}}`), awsiam.Position{})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		e := a.atlas().closes(withSCP(awsiam.Layers{}, d), []string{gateway}, []string{"bedrock:InvokeModel"}, "")
		if e.Verdict != rights.NewAccess {
			t.Errorf("%s: %+v", name, e)
			continue
		}
		l := withSCP(awsiam.Layers{Identity: []*awsiam.Document{everything}}, d)
		confirm(t, a, a.role(t, "app"), l, e.Witness, true)
	}
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	a := doors().load(t)
	for _, o := range []ChokepointOptions{
		{}, {Roles: []string{"arn:aws:iam::111122223333:role/*"}}, {Roles: []string{"arn:aws:iam::111122223333:user/u"}}, {Roles: []string{roleARN("gateway")}, Kind: "rcp"},
		{Roles: []string{roleARN("gateway")}, Without: []string{"lambda"}}, {Roles: []string{"arn:aws:sts::111122223333:assumed-role/r/s"}},
	} {
		if _, err := a.Chokepoint(context.Background(), o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
	var many []string
	for i := range 100 {
		many = append(many, roleARN("gateway")+strings.Repeat("x", i%50)+string(rune('a'+i/50)))
	}
	if _, err := a.Chokepoint(context.Background(), ChokepointOptions{Roles: many}); err == nil || !strings.Contains(err.Error(), "characters") {
		t.Errorf("err = %v", err)
	}
}

func TestAServiceLeftOutStaysOpenAndIsNamed(t *testing.T) {
	a := doors().load(t)
	c := chokepointOf(t, a, ChokepointOptions{Without: []string{"sagemaker"}})
	if !slices.Contains(c.LeftOpen, "sagemaker:InvokeEndpoint") || strings.Contains(string(c.Policy), "sagemaker") {
		t.Errorf("left open %v", c.LeftOpen)
	}
	if slices.ContainsFunc(c.Breaks, func(b Break) bool { return b.Principal == roleARN("machine") }) {
		t.Error("what is left out breaks")
	}
}

func TestWhoCanUndoTheChokepointOrBecomeTheGatewayIsNamed(t *testing.T) {
	x := doors()
	g := x.roles["gateway"]
	g.trust = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}`
	x.roles["gateway"] = g
	c := chokepointOf(t, x.load(t), ChokepointOptions{})
	if len(c.Undo) != 1 || c.Undo[0].Principal != roleARN("ops") || c.Undo[0].Action != "organizations:DetachPolicy" {
		t.Errorf("undo %+v", c.Undo)
	}
	if len(c.Becomes) != 1 || c.Becomes[0].Principal != roleARN("ops") {
		t.Errorf("becomes %+v", c.Becomes)
	}
	if !slices.ContainsFunc(c.CannotBind, func(s string) bool { return strings.Contains(s, "management account") }) {
		t.Errorf("cannot bind %v", c.CannotBind)
	}
}

func TestTheStatusIsEnforcedOnlyWithAProof(t *testing.T) {
	x := doors()
	roles := []string{roleARN("gateway")}
	status := func(x trial) Status {
		t.Helper()
		s, err := x.load(t).Status(context.Background(), roles)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	before := status(x)
	if before.Enforced || before.Open != 4 || before.Words() != "advisory: direct path open (4 principals)" {
		t.Errorf("%+v", before)
	}
	c := chokepointOf(t, x.load(t), ChokepointOptions{})
	full := string(policyOf([]statement{{Effect: "Allow", Action: []string{"*"}, Resource: []string{"*"}}}))
	x.scp = []string{`[` + full + `,` + string(c.Policy) + `]`}
	after := status(x)
	if !after.Enforced || after.Open != 0 || after.Words() != "" || !after.Dated.Equal(trialNow) {
		t.Errorf("%+v", after)
	}
	// Nobody can, and nothing keeps a role that is made tomorrow from it.
	x.scp, x.roles = nil, map[string]trialRole{"gateway": x.roles["gateway"], "reader": x.roles["reader"]}
	if s := status(x); s.Enforced || s.Open != 0 || s.Accounts[0].Why == "" {
		t.Errorf("%+v", s)
	}
}

func TestTheManagementAccountIsNeverEnforced(t *testing.T) {
	x := doors()
	x.org = `{"Organization":{"Id":"o-abcdefghij","MasterAccountId":"111122223333"},"Roots":[{"Id":"r-ab12","PolicyTypes":[{"Type":"SERVICE_CONTROL_POLICY","Status":"ENABLED"}]}],"Accounts":[{"Id":"111122223333","ParentId":"r-ab12","Name":"m","Status":"ACTIVE"}]}`
	a := x.load(t)
	s, err := a.Status(context.Background(), []string{roleARN("gateway")})
	if err != nil || s.Enforced || !strings.Contains(s.Accounts[0].Why, "management") {
		t.Errorf("%+v %v", s, err)
	}
	if c := chokepointOf(t, a, ChokepointOptions{}); len(c.Breaks) != 0 {
		t.Errorf("breaks %+v", c.Breaks)
	}
}
