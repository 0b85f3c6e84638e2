package estate

import (
	"cmp"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/bedrock"
)

// bedrock reads the files of Bedrock's own resources. Each is one object, a list
// of them or JSON lines, with the outputs of these calls as members:
//
//	{"account": "111122223333", "region": "us-east-1",
//	 "agents": [get-agent], "flows": [get-flow], "knowledgeBases": [get-knowledge-base],
//	 "guardrails": [list-guardrails], "inferenceProfiles": [list-inference-profiles],
//	 "agentRuntimes": [get-agent-runtime], "codeInterpreters": [get-code-interpreter],
//	 "batchRoles": ["arn:…"], "loggingConfig": get-model-invocation-logging-configuration}
//
// Members of those outputs that are not used here are passed over.
func (l *loader) bedrock() error {
	if len(l.Bedrock) == 0 {
		return nil
	}
	l.estate.Bedrock = &BedrockFacts{}
	for _, name := range l.Bedrock {
		c, err := l.whole(name, "bedrock")
		if err != nil {
			return err
		}
		r := factReader{cursor: c, into: l.estate.Bedrock}
		if err := r.file(); err != nil {
			return err
		}
		l.problems.add(c.problems...)
		if c.doubt != "" {
			l.incomplete("", "", "", "not all of Bedrock's resources could be read: "+c.doubt)
		}
	}
	slices.SortStableFunc(l.estate.Bedrock.Regions, func(a, b BedrockRegion) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
	})
	return nil
}

type factReader struct {
	*cursor
	into *BedrockFacts
}

func (r *factReader) file() error {
	for {
		switch r.dec.PeekKind() {
		case 0:
			return r.end()
		case '[':
			if err := r.items("the list of regions", r.region); err != nil {
				return err
			}
		default:
			if err := r.region(); err != nil {
				return err
			}
		}
	}
}

func (r *factReader) region() error {
	g, from := BedrockRegion{}, r.dec.InputOffset()
	err := r.members("a region's resources", func(name string) error { return r.member(&g, name) })
	if err != nil {
		return err
	}
	if !bedrock.ValidAccount(g.Account) || !bedrock.ValidRegion(g.Region) {
		r.unsure(from, "account %.40q and region %.40q: a region's resources need both", g.Account, g.Region)
		return nil
	}
	r.into.Regions = append(r.into.Regions, g)
	return nil
}

// The members that name a resource of each kind, in the order in which they are
// looked for.
var resourceMembers = map[string]resourceShape{
	"agents":           {wrapper: "agent", arn: "agentArn", name: "agentName", role: "agentResourceRoleArn"},
	"flows":            {arn: "arn", name: "name", role: "executionRoleArn"},
	"knowledgeBases":   {wrapper: "knowledgeBase", arn: "knowledgeBaseArn", name: "name", role: "roleArn"},
	"agentRuntimes":    {arn: "agentRuntimeArn", name: "agentRuntimeName", role: "roleArn"},
	"codeInterpreters": {arn: "codeInterpreterArn", name: "name", role: "executionRoleArn"},
}

// resourceShape is the names of an output's members. Some outputs have the
// resource in a wrapper.
type resourceShape struct{ wrapper, arn, name, role string }

func (g *BedrockRegion) list(name string) *[]BedrockResource {
	return map[string]*[]BedrockResource{
		"agents": &g.Agents, "flows": &g.Flows, "knowledgeBases": &g.KnowledgeBases,
		"agentRuntimes": &g.AgentRuntimes, "codeInterpreters": &g.CodeInterpreters,
	}[name]
}

func (r *factReader) member(g *BedrockRegion, name string) error {
	if shape, ok := resourceMembers[name]; ok {
		list := g.list(name)
		if r.dec.PeekKind() == '[' && *list == nil {
			*list = []BedrockResource{} // known to be none
		}
		return r.items(name, func() error { return r.resource(shape, list) })
	}
	switch name {
	case "account":
		return r.text(name, &g.Account)
	case "region":
		return r.text(name, &g.Region)
	case "guardrails":
		if r.dec.PeekKind() == '[' {
			g.Guardrails = []Guardrail{}
		}
		return r.items(name, func() error { return r.guardrail(g) })
	case "inferenceProfiles":
		if r.dec.PeekKind() == '[' {
			g.Profiles = []Profile{}
		}
		return r.items(name, func() error { return r.profile(&g.Profiles) })
	case "batchRoles":
		if r.dec.PeekKind() == '[' {
			g.BatchRoles = []string{}
		}
		return r.texts(name, &g.BatchRoles)
	case "loggingConfig":
		return r.logging(g)
	}
	return r.unknown("a region's resources", name, "")
}

func (r *factReader) resource(shape resourceShape, list *[]BedrockResource) error {
	b, from := BedrockResource{}, r.dec.InputOffset()
	var visit func(name string) error
	visit = func(name string) error {
		switch name {
		case shape.wrapper:
			return r.members(name, visit)
		case shape.arn:
			return r.text(name, &b.ARN)
		case shape.name:
			return r.text(name, &b.Name)
		case shape.role:
			return r.text(name, &b.Role)
		case "foundationModel":
			return r.text(name, &b.Model)
		case "guardrailConfiguration":
			return r.members(name, func(name string) error { return r.applied(&b, name) })
		}
		return r.skip()
	}
	if err := r.members("a resource", visit); err != nil {
		return err
	}
	if !strings.HasPrefix(b.ARN, "arn:") {
		r.unsure(from, "%s %.200q is not an ARN", shape.arn, b.ARN)
		return nil
	}
	*list = append(*list, b)
	return nil
}

func (r *factReader) applied(b *BedrockResource, name string) error {
	switch name {
	case "guardrailIdentifier":
		return r.text(name, &b.Guardrail)
	case "guardrailVersion":
		return r.text(name, &b.GuardrailVersion)
	}
	return r.skip()
}

func (r *factReader) guardrail(g *BedrockRegion) error {
	var x Guardrail
	err := r.members("a guardrail", func(name string) error {
		switch name {
		case "arn", "guardrailArn":
			return r.text(name, &x.ARN)
		case "id", "guardrailId":
			return r.text(name, &x.ID)
		case "name":
			return r.text(name, &x.Name)
		case "version":
			return r.text(name, &x.Version)
		case "status":
			return r.text(name, &x.Status)
		}
		return r.skip()
	})
	g.Guardrails = append(g.Guardrails, x)
	return err
}

// logging reads get-model-invocation-logging-configuration output. An output
// without a loggingConfig says that logging is off.
func (r *factReader) logging(g *BedrockRegion) error {
	x := &Logging{}
	if r.dec.PeekKind() == '{' {
		g.Logging = x
	}
	var visit func(name string) error
	visit = func(name string) error {
		switch name {
		case "loggingConfig", "cloudWatchConfig", "s3Config":
			return r.members(name, visit)
		case "textDataDeliveryEnabled":
			return r.boolean(name, &x.Text)
		case "imageDataDeliveryEnabled":
			return r.boolean(name, &x.Image)
		case "embeddingDataDeliveryEnabled":
			return r.boolean(name, &x.Embedding)
		case "videoDataDeliveryEnabled":
			return r.boolean(name, &x.Video)
		case "bucketName":
			return r.text(name, &x.Bucket)
		case "logGroupName":
			return r.text(name, &x.LogGroup)
		case "roleArn":
			return r.text(name, &x.LogRole)
		}
		return r.skip()
	}
	err := r.members("loggingConfig", visit)
	x.Enabled = x.Bucket != "" || x.LogGroup != ""
	return err
}
