package dataclass

import "slices"

// Entity is a kind of thing that a detector finds, under the name that Bedrock
// Guardrails or Amazon Comprehend gives it where they have one
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GuardrailPiiEntityConfig.html).
type Entity string

// Kind is what an entity implies: its class, and whether it needs company.
type Kind struct {
	Class Class // empty: the entity is a fact that implies no class
	// WithPerson says that the entity implies its class only beside something
	// that says whose it is: a diagnosis alone is no health data of anyone.
	WithPerson bool
}

// The entities that code elsewhere speaks of by name; kinds has all of them.
const (
	Address         Entity = "ADDRESS"
	Age             Entity = "AGE"
	AWSAccessKey    Entity = "AWS_ACCESS_KEY"
	AWSSecretKey    Entity = "AWS_SECRET_KEY"
	BankAccount     Entity = "BANK_ACCOUNT_NUMBER"
	BankRouting     Entity = "BANK_ROUTING_NUMBER"
	BusinessID      Entity = "BUSINESS_ID"
	CardCVV         Entity = "CREDIT_DEBIT_CARD_CVV"
	CardExpiry      Entity = "CREDIT_DEBIT_CARD_EXPIRY"
	CardLast4       Entity = "CREDIT_DEBIT_CARD_LAST4"
	CardNumber      Entity = "CREDIT_DEBIT_CARD_NUMBER"
	CryptoWallet    Entity = "CRYPTO_WALLET"
	Custom          Entity = "CUSTOM" // a finding of an organisation's own label: its Rule is the class
	DateOfBirth     Entity = "DATE_OF_BIRTH"
	Diagnosis       Entity = "DIAGNOSIS"
	DriverID        Entity = "DRIVER_ID"
	Email           Entity = "EMAIL"
	FinancialFigure Entity = "FINANCIAL_FIGURE"
	HealthID        Entity = "HEALTH_ID"
	HealthInsurance Entity = "HEALTH_INSURANCE_ID"
	IBAN            Entity = "INTERNATIONAL_BANK_ACCOUNT_NUMBER"
	IPAddress       Entity = "IP_ADDRESS"
	LicensePlate    Entity = "LICENSE_PLATE"
	MACAddress      Entity = "MAC_ADDRESS"
	MedicalRecord   Entity = "MEDICAL_RECORD_NUMBER"
	Medication      Entity = "MEDICATION"
	Name            Entity = "NAME"
	NationalID      Entity = "NATIONAL_ID"
	Passport        Entity = "PASSPORT_NUMBER"
	Password        Entity = "PASSWORD"
	Phone           Entity = "PHONE"
	PIN             Entity = "PIN"
	Postcode        Entity = "POSTCODE"
	PractitionerID  Entity = "PRACTITIONER_ID"
	Secret          Entity = "SECRET"
	SourceText      Entity = "SOURCE_CODE"
	SSN             Entity = "US_SOCIAL_SECURITY_NUMBER"
	SwiftCode       Entity = "SWIFT_CODE"
	TaxID           Entity = "TAX_ID"
	URL             Entity = "URL"
	Username        Entity = "USERNAME"
	VIN             Entity = "VEHICLE_IDENTIFICATION_NUMBER"
)

// kinds is the taxonomy as data.
var kinds = map[Entity]Kind{
	Address: {Class: PersonalContact}, Age: {Class: PersonalContact}, Email: {Class: PersonalContact}, Name: {Class: PersonalContact},
	Phone: {Class: PersonalContact}, Postcode: {Class: PersonalContact}, Username: {Class: PersonalContact},

	IPAddress: {Class: OnlineIdentifier}, MACAddress: {Class: OnlineIdentifier}, "DEVICE_ID": {Class: OnlineIdentifier},

	CardCVV: {Class: PaymentCard}, CardExpiry: {Class: PaymentCard}, CardLast4: {Class: PaymentCard}, CardNumber: {Class: PaymentCard}, PIN: {Class: PaymentCard},

	BankAccount: {Class: FinancialAccount}, BankRouting: {Class: FinancialAccount}, CryptoWallet: {Class: FinancialAccount},
	IBAN: {Class: FinancialAccount}, SwiftCode: {},

	Diagnosis: {Class: Health, WithPerson: true}, Medication: {Class: Health, WithPerson: true}, HealthID: {Class: Health},
	HealthInsurance: {Class: Health}, MedicalRecord: {Class: Health}, PractitionerID: {Class: Health},

	AWSAccessKey: {Class: Credential}, AWSSecretKey: {Class: Credential}, Password: {Class: Credential}, Secret: {Class: Credential},

	SourceText: {Class: SourceCode}, FinancialFigure: {Class: Financial},

	BusinessID: {}, URL: {},

	DateOfBirth: {Class: RegulatedPersonal}, DriverID: {Class: RegulatedPersonal}, LicensePlate: {Class: RegulatedPersonal},
	NationalID: {Class: RegulatedPersonal}, Passport: {Class: RegulatedPersonal}, SSN: {Class: RegulatedPersonal}, TaxID: {Class: RegulatedPersonal},
	VIN: {Class: RegulatedPersonal},

	"AU_TFN": {Class: RegulatedPersonal}, "BE_NATIONAL_NUMBER": {Class: RegulatedPersonal}, "BR_CPF": {Class: RegulatedPersonal},
	"CA_SIN": {Class: RegulatedPersonal}, "DE_SOCIAL_SECURITY": {Class: RegulatedPersonal}, "DE_TAX_ID": {Class: RegulatedPersonal},
	"ES_NIE": {Class: RegulatedPersonal}, "ES_NIF": {Class: RegulatedPersonal}, "ES_SOCIAL_SECURITY": {Class: RegulatedPersonal},
	"FI_PERSONAL_IDENTITY_CODE": {Class: RegulatedPersonal}, "FR_NIR": {Class: RegulatedPersonal},
	"IN_AADHAAR": {Class: RegulatedPersonal}, "IN_PAN": {Class: RegulatedPersonal}, "IN_VOTER": {Class: RegulatedPersonal},
	"IT_FISCAL_CODE": {Class: RegulatedPersonal}, "IT_IDENTITY_CARD": {Class: RegulatedPersonal}, "JP_MY_NUMBER": {Class: RegulatedPersonal},
	"KR_FRN": {Class: RegulatedPersonal}, "KR_RRN": {Class: RegulatedPersonal}, "NL_BSN": {Class: RegulatedPersonal},
	"PH_TIN": {Class: RegulatedPersonal}, "PL_PESEL": {Class: RegulatedPersonal}, "SE_PERSONNUMMER": {Class: RegulatedPersonal},
	"SG_NRIC": {Class: RegulatedPersonal}, "TH_TNIN": {Class: RegulatedPersonal}, "TR_NATIONAL_ID": {Class: RegulatedPersonal},
	"UK_NINO": {Class: RegulatedPersonal}, "US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER": {Class: RegulatedPersonal}, "ZA_ID_NUMBER": {Class: RegulatedPersonal},
}

// Entities lists every entity, sorted.
func Entities() []Entity {
	out := make([]Entity, 0, len(kinds))
	for e := range kinds {
		out = append(out, e)
	}
	slices.Sort(out)
	return out
}

// Kind is what the entity implies; an unknown entity implies nothing.
func (e Entity) Kind() Kind { return kinds[e] }

// Known reports whether the taxonomy has the entity.
func (e Entity) Known() bool { _, ok := kinds[e]; return ok }
