package identifier

import "github.com/writ-project/writ/internal/dataclass"

// label is what a cue says of a number that has no outline of its own: what it
// is, and how many characters and digits it has.
type label struct {
	entity   dataclass.Entity
	min, max int
	digits   int // at least
	letters  bool
	noSpace  bool
	score    int  // 0: labelScore
	acronym  bool // the cue is also a plain word, unless it is written in capitals
}

const (
	labelScore = 78
	// mistyped is the score of a number that a cue names and whose check digit
	// fails: not the number that it claims to be, but still somebody's.
	mistyped = 62
)

// labels are the numbers that only their label makes known.
var labels = [topics]label{
	accountTopic:      {entity: dataclass.BankAccount, min: 6, max: 24, digits: 6, letters: true},
	recordTopic:       {entity: dataclass.MedicalRecord, min: 3, max: 22, digits: 3, letters: true},
	insuranceTopic:    {entity: dataclass.HealthInsurance, min: 5, max: 20, digits: 4, letters: true},
	healthTopic:       {entity: dataclass.HealthID, min: 6, max: 20, digits: 5, letters: true},
	practitionerTopic: {entity: dataclass.PractitionerID, min: 4, max: 14, digits: 4, letters: true},
	passportTopic:     {entity: dataclass.Passport, min: 6, max: 12, digits: 5, letters: true},
	driverTopic:       {entity: dataclass.DriverID, min: 5, max: 20, digits: 4, letters: true},
	nationalTopic:     {entity: dataclass.NationalID, min: 6, max: 18, digits: 5, letters: true},
	taxTopic:          {entity: dataclass.TaxID, min: 7, max: 16, digits: 6, letters: true},
	vatTopic:          {entity: dataclass.BusinessID, min: 8, max: 15, digits: 7, letters: true},
	routingTopic:      {entity: dataclass.BankRouting, min: 5, max: 8, digits: 5},
	usernameTopic:     {entity: dataclass.Username, min: 3, max: 30, digits: 1, letters: true, noSpace: true},
	walletTopic:       {entity: dataclass.CryptoWallet, min: 25, max: 95, digits: 4, letters: true, noSpace: true},

	// Without a check digit of their own, so the cue makes them.
	panTopic:   {entity: "IN_PAN", min: 10, max: 10, digits: 4, letters: true, score: mistyped},
	voterTopic: {entity: "IN_VOTER", min: 10, max: 10, digits: 7, letters: true, score: 65},

	// With one that fails: the specs take those where it holds.
	ibanTopic:      {entity: dataclass.BankAccount, min: 15, max: 34, digits: 10, letters: true, score: mistyped},
	ssnTopic:       {entity: dataclass.NationalID, min: 9, max: 9, digits: 9, score: mistyped},
	itinTopic:      {entity: dataclass.NationalID, min: 9, max: 9, digits: 9, score: mistyped},
	socialTopic:    {entity: dataclass.NationalID, min: 9, max: 15, digits: 7, letters: true, score: mistyped},
	ninoTopic:      {entity: dataclass.NationalID, min: 9, max: 9, digits: 6, letters: true, score: mistyped},
	utrTopic:       {entity: dataclass.NationalID, min: 10, max: 10, digits: 10, score: mistyped},
	nhsTopic:       {entity: dataclass.NationalID, min: 10, max: 10, digits: 10, score: mistyped},
	deTaxTopic:     {entity: dataclass.NationalID, min: 10, max: 13, digits: 10, score: mistyped},
	deSocialTopic:  {entity: dataclass.NationalID, min: 12, max: 12, digits: 11, letters: true, score: mistyped},
	frTopic:        {entity: dataclass.NationalID, min: 13, max: 15, digits: 12, letters: true, score: mistyped},
	nifTopic:       {entity: dataclass.NationalID, min: 8, max: 9, digits: 7, letters: true, score: mistyped},
	nieTopic:       {entity: dataclass.NationalID, min: 9, max: 9, digits: 7, letters: true, score: mistyped, acronym: true},
	esSocialTopic:  {entity: dataclass.NationalID, min: 11, max: 12, digits: 11, score: mistyped},
	itTopic:        {entity: dataclass.NationalID, min: 16, max: 16, digits: 5, letters: true, noSpace: true, score: mistyped},
	peselTopic:     {entity: dataclass.NationalID, min: 10, max: 12, digits: 10, score: mistyped},
	plCardTopic:    {entity: dataclass.NationalID, min: 9, max: 9, digits: 6, letters: true, score: mistyped},
	nlTopic:        {entity: dataclass.NationalID, min: 8, max: 9, digits: 8, score: mistyped},
	beTopic:        {entity: dataclass.NationalID, min: 11, max: 11, digits: 11, score: mistyped},
	seTopic:        {entity: dataclass.NationalID, min: 10, max: 12, digits: 10, score: mistyped, acronym: true},
	fiTopic:        {entity: dataclass.NationalID, min: 10, max: 11, digits: 9, letters: true, score: mistyped},
	noTopic:        {entity: dataclass.NationalID, min: 11, max: 11, digits: 11, score: mistyped},
	dkTopic:        {entity: dataclass.NationalID, min: 10, max: 10, digits: 10, score: mistyped},
	atTopic:        {entity: dataclass.NationalID, min: 10, max: 10, digits: 10, score: mistyped},
	chTopic:        {entity: dataclass.NationalID, min: 13, max: 13, digits: 13, score: mistyped},
	iePPSTopic:     {entity: dataclass.NationalID, min: 8, max: 9, digits: 7, letters: true, score: mistyped},
	ptTopic:        {entity: dataclass.NationalID, min: 9, max: 9, digits: 9, score: mistyped},
	czTopic:        {entity: dataclass.NationalID, min: 9, max: 10, digits: 9, score: mistyped, acronym: true},
	roTopic:        {entity: dataclass.NationalID, min: 13, max: 13, digits: 13, score: mistyped},
	brTopic:        {entity: dataclass.NationalID, min: 11, max: 11, digits: 11, score: mistyped},
	mxTopic:        {entity: dataclass.NationalID, min: 18, max: 18, digits: 7, letters: true, noSpace: true, score: mistyped},
	arTopic:        {entity: dataclass.NationalID, min: 11, max: 11, digits: 11, score: mistyped},
	clTopic:        {entity: dataclass.NationalID, min: 8, max: 9, digits: 7, letters: true, score: mistyped, acronym: true},
	sinTopic:       {entity: dataclass.NationalID, min: 9, max: 9, digits: 9, score: mistyped, acronym: true},
	aadhaarTopic:   {entity: dataclass.NationalID, min: 12, max: 12, digits: 12, score: mistyped},
	tfnTopic:       {entity: dataclass.NationalID, min: 8, max: 9, digits: 8, score: mistyped},
	nzTopic:        {entity: dataclass.NationalID, min: 8, max: 9, digits: 8, score: mistyped},
	jpTopic:        {entity: dataclass.NationalID, min: 12, max: 12, digits: 12, score: mistyped},
	cnTopic:        {entity: dataclass.NationalID, min: 15, max: 18, digits: 15, letters: true, score: mistyped},
	hkTopic:        {entity: dataclass.NationalID, min: 8, max: 9, digits: 6, letters: true, score: mistyped},
	twTopic:        {entity: dataclass.NationalID, min: 10, max: 10, digits: 8, letters: true, score: mistyped},
	krTopic:        {entity: dataclass.NationalID, min: 13, max: 13, digits: 13, score: mistyped},
	krForeignTopic: {entity: dataclass.NationalID, min: 13, max: 13, digits: 13, score: mistyped},
	sgTopic:        {entity: dataclass.NationalID, min: 9, max: 9, digits: 7, letters: true, score: mistyped, acronym: true},
	thTopic:        {entity: dataclass.NationalID, min: 13, max: 13, digits: 13, score: mistyped},
	trTopic:        {entity: dataclass.NationalID, min: 11, max: 11, digits: 11, score: mistyped},
	zaTopic:        {entity: dataclass.NationalID, min: 13, max: 13, digits: 13, score: mistyped},
	ngTopic:        {entity: dataclass.NationalID, min: 11, max: 11, digits: 11, score: mistyped},
	ilTopic:        {entity: dataclass.NationalID, min: 9, max: 9, digits: 9, score: mistyped},
}
