package rights

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/operator"
)

// PeopleKind is a way to name people by what they are to a request.
type PeopleKind string

// The kinds; the first three go with a name.
const (
	PeopleRole          PeopleKind = "role"     // holders of a role, within the role's own scope
	PeopleTeam          PeopleKind = "team"     // members of a team
	PeopleOperator      PeopleKind = "operator" // one account
	PeopleOwner         PeopleKind = "owner"    // of the entitlement
	PeopleModelOwner    PeopleKind = "model-owner"
	PeopleSponsor       PeopleKind = "sponsor" // of the identity, as the next three
	PeopleIdentityOwner PeopleKind = "identity-owner"
	PeopleDeputy        PeopleKind = "deputy"
	PeopleIdentityTeam  PeopleKind = "identity-team"
	PeopleAnyone        PeopleKind = "anyone"
)

var unnamedPeople = []PeopleKind{
	PeopleOwner, PeopleModelOwner, PeopleSponsor, PeopleIdentityOwner, PeopleDeputy, PeopleIdentityTeam, PeopleAnyone,
}

// People is one selector of Access: who may ask, or decide.
type People struct {
	Kind PeopleKind
	Name string // of the role, team or operator
}

func (p People) String() string {
	if p.Name == "" {
		return string(p.Kind)
	}
	return string(p.Kind) + ":" + p.Name
}

// ParsePeople reads a selector of people as Access lists them. Whether the
// operator or the team exists is for others to say.
func ParsePeople(s string) (People, error) {
	kind, name, named := strings.Cut(s, ":")
	p := People{Kind: PeopleKind(kind), Name: name}
	if !named && slices.Contains(unnamedPeople, p.Kind) {
		return p, nil
	}
	switch {
	case !named || name == "":
	case p.Kind == PeopleRole && slices.Contains(operator.Roles, operator.Role(name)):
		return p, nil
	case p.Kind == PeopleRole:
		return People{}, fmt.Errorf("selector %.100q: want one of the roles %v", s, operator.Roles)
	case p.Kind == PeopleTeam && strings.TrimSpace(name) == name:
		return p, nil
	case p.Kind == PeopleOperator && identity.ValidName(name):
		return p, nil
	}
	return People{}, fmt.Errorf("selector %.100q: want role:ROLE, team:NAME, operator:NAME or one of %v", s, unnamedPeople)
}
