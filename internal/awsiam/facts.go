package awsiam

import (
	"slices"
	"strings"
	"sync"
)

// Facts are what AWS documents beside the policy language, and changes without
// notice: what actions yield, when a request has a condition key, what resource
// an ARN names, what services and AWS's own policies do. They come from dated
// tables that an operator can replace one by one (ReadFacts). Matching a statement
// with a concrete request never asks them; what requests there can be, and what
// a right is worth, does. They are immutable, and so are the slices in what they
// return.
type Facts struct {
	date       string
	actions    map[string]ActionFact // by name in lower case
	keys       map[string]KeyFact    // by name, families with their /*
	resources  map[string][]arnForm  // by service and kind
	forms      map[string]bool       // ARN forms listed, to find one listed twice
	services   map[string]ServiceFact
	principals map[string]string // service principal to service
	managed    map[string]ManagedFact
	absent     sync.Map // what Absent found, by action
}

// Date is the day that the facts were collected, 2006-01-02; of several, the
// oldest.
func (f *Facts) Date() string { return f.date }

// Action returns what is known of an action, service:name in any case. Only
// actions that have to do with invocation are listed: an action that is not
// may exist all the same.
func (f *Facts) Action(name string) (ActionFact, bool) {
	a, ok := f.actions[strings.ToLower(name)]
	return a, ok
}

// Actions lists the actions of a class, sorted by name.
func (f *Facts) Actions(class ActionClass) []ActionFact {
	var list []ActionFact
	for _, a := range f.actions {
		if a.Class == class {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b ActionFact) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Key returns what is known of a condition key in any case. A member of a
// family, such as aws:PrincipalTag/team, is what the family is. Of a key that
// is not listed nothing is known, and it is taken for a single string.
func (f *Facts) Key(name string) KeyFact {
	name = Key(name)
	k, ok := f.keys[name]
	if !ok {
		k, ok = f.keys[familyOf(name)]
	}
	if !ok {
		return KeyFact{Name: name, Type: StringType, Unknown: true}
	}
	k.Name = name
	return k
}

// familyOf is the family that a key would belong to: the part after the service
// up to the first slash stays, tag keys may hold more of them. The service
// itself may hold slashes where it is the issuer of tokens.
func familyOf(key string) string {
	service, name, ok := strings.Cut(key, ":")
	kind, member, has := strings.Cut(name, "/")
	if !ok || !has || member == "" {
		return ""
	}
	return service + ":" + kind + "/*"
}

// Resource returns what kind of resource an ARN without wildcards names. False:
// none that is listed.
func (f *Facts) Resource(arn string) (ResourceFact, bool) {
	if len(arn) > maxARN {
		return ResourceFact{}, false
	}
	for _, form := range f.resources[kindOfARN(arn)] {
		if form.match(arn) {
			return form.fact, true
		}
	}
	return ResourceFact{}, false
}

// RCP reports whether resource control policies bind a service's resources, the
// service as actions spell it. Unknown: it is not listed.
func (f *Facts) RCP(service string) Truth {
	if s, ok := f.services[strings.ToLower(service)]; ok {
		return s.RCP
	}
	return Unknown
}

// Service returns what is known of a service, named as in actions (lambda) or
// as a principal (lambda.amazonaws.com).
func (f *Facts) Service(name string) (ServiceFact, bool) {
	name = strings.ToLower(name)
	if s, ok := f.principals[name]; ok {
		name = s
	}
	s, ok := f.services[name]
	return s, ok
}

// Managed returns what is known of a policy that AWS manages, by its name or
// its ARN. A customer's policy of the same name is not one.
func (f *Facts) Managed(arnOrName string) (ManagedFact, bool) {
	name := arnOrName
	if strings.HasPrefix(name, "arn:") {
		part := strings.SplitN(name, ":", 6)
		if len(part) != 6 || part[2] != "iam" || part[3] != "" || part[4] != "aws" || !strings.HasPrefix(part[5], "policy/") {
			return ManagedFact{}, false
		}
		name = part[5][strings.LastIndexByte(part[5], '/')+1:]
	}
	m, ok := f.managed[name]
	return m, ok
}
