package authority

import (
	"cmp"

	"github.com/writ-project/writ/internal/cedarset"
	"github.com/writ-project/writ/internal/operator"
)

// The types of the schema.
const (
	operatorType = "Control::Operator"
	roleType     = "Control::Role"
	objectType   = "Control::Object"
	actionType   = "Control::Action"
)

// question is a decision as Cedar's request.
func question(a Subject, act Action, on Object) cedarset.Query {
	return cedarset.Query{
		Principal: cedarset.ID(operatorType, a.Operator.ID),
		Action:    cedarset.ID(actionType, string(act)),
		Resource:  objectID(on),
		Context:   cedarset.Record(cedarset.Fields{"byToken": cedarset.Bool(a.Scopes != nil)}),
	}
}

func objectID(on Object) cedarset.UID { return cedarset.ID(objectType, on.Kind+"/"+on.Name) }

// entities are the people of a question and the object.
func entities(a Subject, on Object) []cedarset.Entity {
	all := []cedarset.Entity{objectEntity(on), operatorEntity(&a, a.Operator, on)}
	if a.Place != nil {
		all = append(all, operatorEntity(&Subject{}, a.Place, on))
	}
	return all
}

// operatorEntity is an operator, in the roles that it holds over the object.
func operatorEntity(a *Subject, o *operator.Operator, on Object) cedarset.Entity {
	var parents []cedarset.UID
	var roles []operator.Role
	for _, h := range o.Roles {
		roles = append(roles, h.Role)
		if over(h, on) {
			parents = append(parents, cedarset.ID(roleType, string(h.Role)))
		}
	}
	f := cedarset.Fields{
		"name": cedarset.Text(o.ID), "kind": cedarset.Text(cmp.Or(o.Kind, operator.Human)), "disabled": cedarset.Bool(o.Disabled),
		"roles": cedarset.Texts(roles), "teams": cedarset.Texts(o.Teams),
	}
	if a.Place != nil {
		f["place"] = cedarset.ID(operatorType, a.Place.ID)
	}
	if a.Maker != "" {
		f["maker"] = cedarset.ID(operatorType, a.Maker)
	}
	return cedarset.Entity{UID: cedarset.ID(operatorType, o.ID), Parents: cedarset.Parents(parents...), Attributes: cedarset.Record(f)}
}

func objectEntity(on Object) cedarset.Entity {
	f := cedarset.Fields{
		"kind": cedarset.Text(on.Kind), "name": cedarset.Text(on.Name), "tier": cedarset.Text(on.Tier),
		"environment": cedarset.Text(on.Environment), "team": cedarset.Text(on.Team), "entitlement": cedarset.Text(on.Entitlement),
		"models": cedarset.Texts(on.Models), "automation": cedarset.Bool(on.Automation),
		"sponsors": people(on.Sponsors), "owners": people(on.Owners), "eligible": people(on.Eligible), "barred": people(on.Barred),
	}
	if on.Requester != "" {
		f["requester"] = cedarset.ID(operatorType, on.Requester)
	}
	return cedarset.Entity{UID: objectID(on), Attributes: cedarset.Record(f)}
}

func people(names []string) cedarset.Value { return cedarset.IDs(operatorType, names) }
