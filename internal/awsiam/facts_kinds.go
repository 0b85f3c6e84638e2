package awsiam

import "slices"

// ActionClass is what an action has to do with invoking a model.
type ActionClass string

// The classes.
const (
	ClassInvoke   ActionClass = "invoke"   // runs a model that the caller is checked on
	ClassDoor     ActionClass = "door"     // runs a model by another surface, without that check
	ClassGate     ActionClass = "gate"     // is needed in addition
	ClassIndirect ActionClass = "indirect" // runs a model under the role of a service
	ClassEscalate ActionClass = "escalate" // leads to rights or models that the caller does not have
	ClassHide     ActionClass = "hide"     // takes the evidence away
	ClassLoosen   ActionClass = "loosen"   // weakens guardrails, retention, organisation or marketplace controls
	ClassOther    ActionClass = "other"    // is near, and none of these
)

var actionClasses = []ActionClass{ClassInvoke, ClassDoor, ClassGate, ClassIndirect, ClassEscalate, ClassHide, ClassLoosen, ClassOther}

// ActionFact is what is known of an action.
type ActionFact struct {
	Name      string // as AWS spells it
	Class     ActionClass
	Resources []string // types of the service that it is checked on; none: only *
	Optional  []string // those of them that a call may do without
	Keys      []string // condition keys that its checks may have beside global ones, in lower case
	Note      string   // what it yields
}

// Has reports whether checks of the action may have a condition key of its own
// or its service's, given in any case. Global keys that every action has are
// not listed.
func (a ActionFact) Has(key string) bool {
	key = Key(key)
	return slices.Contains(a.Keys, key) || slices.Contains(a.Keys, familyOf(key))
}

// KeyType is the type of a condition key's values, as AWS calls it.
type KeyType string

// The types. A key of an array type has several values at once.
const (
	StringType      KeyType = "String"
	ARNType         KeyType = "ARN"
	BoolType        KeyType = "Bool"
	DateType        KeyType = "Date"
	NumericType     KeyType = "Numeric"
	IntegerType     KeyType = "Integer"
	IPType          KeyType = "IP"
	BinaryType      KeyType = "Binary"
	StringArrayType KeyType = "ArrayOfString"
	ARNArrayType    KeyType = "ArrayOfARN"
	BoolArrayType   KeyType = "ArrayOfBool"
)

var keyTypes = []KeyType{StringType, ARNType, BoolType, DateType, NumericType, IntegerType, IPType, BinaryType, StringArrayType, ARNArrayType, BoolArrayType}

// When is when a request has a condition key.
type When string

// The occasions.
const (
	Always           When = "always"
	NeverDirect      When = "never-direct" // only when a service calls, for somebody or as itself
	WithSession      When = "session"      // with temporary credentials of the kind that the note names
	WithUser         When = "user"         // with credentials of an IAM user
	WithOrganisation When = "org"          // when the principal's account is in an organisation
	WithTag          When = "tag"          // when the principal or resource has the tag
	WithEndpoint     When = "vpce"         // through a VPC endpoint
	WithoutEndpoint  When = "public"       // not through one
	WithResource     When = "resource"     // by the resource's account
	WithRequest      When = "request"      // when the caller sends it
	WithTrust        When = "trust"        // in a request for a role session
	WithBedrock      When = "bedrock"      // in checks of the Bedrock actions that list it, when the call gives it a value
	WithAction       When = "action"       // likewise, of another service
)

var occasions = []When{Always, NeverDirect, WithSession, WithUser, WithOrganisation, WithTag, WithEndpoint, WithoutEndpoint, WithResource, WithRequest, WithTrust, WithBedrock, WithAction}

// KeyFact is what is known of a condition key.
type KeyFact struct {
	Name      string // in lower case
	Type      KeyType
	Multi     bool // it has several values: only set operators compare it
	When      When // empty when Unknown
	Principal bool // its value is fixed for a user or role
	Note      string
	Unknown   bool // the key is not listed
}

// ResourceFact is what is known of a kind of resource.
type ResourceFact struct {
	Service   string
	Type      string // as ActionFact.Resources spells it
	Form      string // its ARN with ${placeholders}
	Invocable bool   // a call can name it as its model
	Policy    Truth  // whether it takes a resource policy
	Tagged    bool   // aws:ResourceTag reaches it
	Note      string
}

// ServiceFact is what is known of a service.
type ServiceFact struct {
	Service    string   // as actions spell it
	RCP        Truth    // whether resource control policies bind its resources
	Principals []string // how roles that work for it name it
	Note       string
}

// ManagedFact is what is known of a policy that AWS manages and that grants or
// denies inference.
type ManagedFact struct {
	Name       string
	Effect     Effect
	Actions    []string // patterns; only those that have to do with invocation
	Resources  string   // in words or as one ARN pattern
	Surprising bool     // its name does not say that it lets models be invoked, or how widely
	Note       string
}
