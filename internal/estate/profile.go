package estate

import (
	"slices"

	"github.com/writ-project/writ/internal/bedrock"
)

// Profile is an inference profile as Bedrock lists it.
type Profile struct {
	ARN, ID, Name string
	Type          string   // SYSTEM_DEFINED or APPLICATION
	Models        []string // ARNs of what a call may be routed to
	Status        string   // such as ACTIVE
	Account       string   // of the ARN
	Region        string   // of the ARN: where a call to it is made
}

// profiles reads the files of inference profiles.
func (l *loader) profiles() error {
	for _, name := range l.Profiles {
		c, err := l.whole(name, "inference-profiles")
		if err != nil {
			return err
		}
		before := len(l.estate.Profiles)
		if err := l.profileFile(c); err != nil {
			return err
		}
		l.problems.add(c.problems...)
		if c.doubt != "" {
			l.incomplete("", "", "", "not all inference profiles could be read: "+c.doubt)
		}
		if len(l.estate.Profiles) == before && len(c.problems) == 0 {
			l.problems.at(c.start, name, "the file lists no inference profile")
		}
	}
	return nil
}

// profileFile reads list- or get-inference-profile output, or a list of them.
func (l *loader) profileFile(c *cursor) error {
	one := func() error {
		return c.profileOutput(func(more string) {
			l.incomplete("", "", "", c.what+" ends before the last page of inference profiles"+more)
		}, &l.estate.Profiles)
	}
	var err error
	if c.dec.PeekKind() == '[' {
		err = c.items("the list of outputs", one)
	} else {
		err = one()
	}
	if err != nil {
		return err
	}
	return c.end()
}

// profileOutput reads one output: a page of summaries, or a profile itself.
func (c *cursor) profileOutput(cut func(string), into *[]Profile) error {
	p, from := Profile{}, c.dec.InputOffset()
	page := false
	err := c.members("the inference profile", func(name string) error {
		switch name {
		case "inferenceProfileSummaries":
			page = true
			return c.items(name, func() error { return c.profile(into) })
		case "nextToken":
			token := ""
			err := c.text(name, &token)
			if token != "" {
				cut("")
			}
			return err
		}
		return c.profileMember(&p, name)
	})
	if err == nil && !page {
		c.keepProfile(p, from, into)
	}
	return err
}

func (c *cursor) profile(into *[]Profile) error {
	p, from := Profile{}, c.dec.InputOffset()
	err := c.members("an inference profile", func(name string) error { return c.profileMember(&p, name) })
	if err == nil {
		c.keepProfile(p, from, into)
	}
	return err
}

func (c *cursor) profileMember(p *Profile, name string) error {
	switch name {
	case "inferenceProfileArn":
		return c.text(name, &p.ARN)
	case "inferenceProfileId":
		return c.text(name, &p.ID)
	case "inferenceProfileName":
		return c.text(name, &p.Name)
	case "type":
		return c.text(name, &p.Type)
	case "status":
		return c.text(name, &p.Status)
	case "models":
		return c.items(name, func() error {
			return c.members("a model", func(name string) error {
				if name != "modelArn" {
					return c.skip()
				}
				arn := ""
				err := c.text(name, &arn)
				p.Models = append(p.Models, arn)
				return err
			})
		})
	}
	return c.skip()
}

// keepProfile keeps a profile that names itself.
func (c *cursor) keepProfile(p Profile, from int64, into *[]Profile) {
	ref, err := bedrock.ParseModelID(p.ARN)
	switch {
	case p.ARN == "":
		c.unsure(from, "an inference profile has no inferenceProfileArn")
		return
	case err != nil || ref.Kind != bedrock.ProfileRef && ref.Kind != bedrock.ApplicationProfileRef:
		c.unsure(from, "%.200q is not the ARN of an inference profile", p.ARN)
		return
	case slices.ContainsFunc(*into, func(q Profile) bool { return q.ARN == p.ARN && slices.Equal(q.Models, p.Models) }):
		return
	}
	p.Account, p.Region = ref.Account, ref.Region
	*into = append(*into, p)
}
