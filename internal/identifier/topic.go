package identifier

// topic is what a cue speaks of. Many cues, in many languages, share a topic.
type topic uint8

// The topics. What comes before firstPositive speaks against a number.
const (
	none      topic = iota
	otherID         // orders, tickets, invoices, pages: numbers that identify nobody
	versionOf       // software versions and sections of documents
	otherDate       // dates of anything but a birth
	otherLast       // "last four of": only an end of an identifier follows
	firstPositive

	cardTopic topic = iota - 1
	cvvTopic
	expiryTopic
	pinTopic
	last4Topic
	routingTopic
	accountTopic
	ibanTopic
	swiftTopic
	walletTopic

	phoneTopic
	reachTopic // call, text, contact: a telephone number may follow
	addressTopic
	hardwareTopic
	usernameTopic
	mentionTopic // networks where @name is a user
	postcodeTopic

	birthTopic
	ageTopic
	personTopic // a man, a patient: an age may follow
	vinTopic
	plateTopic
	passportTopic
	driverTopic
	nationalTopic // a national identity number of any country
	idTopic       // an identity number, perhaps of a person
	taxTopic      // a tax number of any country
	vatTopic      // a company's number
	socialTopic   // a social security number of any country

	recordTopic // medical record, patient, episode
	insuranceTopic
	healthTopic
	practitionerTopic
	npiTopic
	deaTopic
	icdTopic
	mbiTopic
	nhsTopic
	imeiTopic

	ssnTopic
	itinTopic
	ninoTopic
	utrTopic
	deTaxTopic
	deSocialTopic
	frTopic
	nifTopic
	nieTopic
	esSocialTopic
	itTopic
	itCardTopic
	peselTopic
	plCardTopic
	nlTopic
	beTopic
	seTopic
	fiTopic
	noTopic
	dkTopic
	atTopic
	chTopic
	iePPSTopic
	ptTopic
	czTopic
	roTopic
	brTopic
	mxTopic
	arTopic
	clTopic
	sinTopic
	aadhaarTopic
	panTopic
	voterTopic
	tfnTopic
	nzTopic
	jpTopic
	cnTopic
	hkTopic
	twTopic
	krTopic
	krForeignTopic
	sgTopic
	thTopic
	phTopic
	trTopic
	zaTopic
	ngTopic
	ilTopic
	topics // how many there are
)

// topicSet is a set of topics.
type topicSet [2]uint64

func setOf(all ...topic) topicSet {
	var s topicSet
	for _, t := range all {
		s[t>>6] |= 1 << (t & 63)
	}
	return s
}

func (s topicSet) has(t topic) bool { return s[t>>6]&(1<<(t&63)) != 0 }

func (s topicSet) empty() bool { return s[0]|s[1] == 0 }

// meets reports whether the sets share a topic.
func (s topicSet) meets(t topicSet) bool { return s[0]&t[0]|s[1]&t[1] != 0 }

func (s *topicSet) add(t topic) { s[t>>6] |= 1 << (t & 63) }

// The sets of topics that readers of one kind of number ask for.
var (
	forAddress         = setOf(addressTopic)
	forHardwareAddress = setOf(hardwareTopic, addressTopic)
	forUsernameMention = setOf(usernameTopic, mentionTopic)
	forIbanAccount     = setOf(ibanTopic, accountTopic)
	forSwift           = setOf(swiftTopic)
	forWallet          = setOf(walletTopic)
	forPhone           = setOf(phoneTopic)
	forReach           = setOf(reachTopic)
	forDial            = setOf(phoneTopic, reachTopic)
	forCard            = setOf(cardTopic)
	forBirth           = setOf(birthTopic)

	// forShort are the topics that a number of at most five digits may be of.
	forShort = setOf(cvvTopic, pinTopic, last4Topic, expiryTopic, postcodeTopic, plateTopic, routingTopic, driverTopic, recordTopic, insuranceTopic, practitionerTopic, usernameTopic, birthTopic)
)
