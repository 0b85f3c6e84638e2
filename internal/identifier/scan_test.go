package identifier

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/dataclass"
)

func scan(text string, fields ...dataclass.Field) []dataclass.Finding {
	return Scan(nil, &dataclass.Text{Bytes: []byte(text), Fields: fields}, plenty())
}

func plenty() *dataclass.Budget { return &dataclass.Budget{Findings: 1000, Phones: 100} }

// counted lists what counts as "ENTITY value".
func counted(text string, found []dataclass.Finding) []string {
	out := []string{}
	for _, f := range found {
		if f.Counts() {
			out = append(out, fmt.Sprintf("%s %s", f.Entity, text[f.Start:f.End]))
		}
	}
	return out
}

// TestIdentifiersAreFound: one sentence for each way in which identifiers stand
// in text, with what counts in it.
func TestIdentifiersAreFound(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		// ISO/IEC 7812 test numbers of the schemes
		{"charge 4111 1111 1111 1111 please", []string{"CREDIT_DEBIT_CARD_NUMBER 4111 1111 1111 1111"}},
		{"amex 3782-822463-10005", []string{"CREDIT_DEBIT_CARD_NUMBER 3782-822463-10005"}},
		{"it is 5 5 5 5 5 5 5 5 5 5 5 5 4 4 4 4 ok", []string{"CREDIT_DEBIT_CARD_NUMBER 5 5 5 5 5 5 5 5 5 5 5 5 4 4 4 4"}},
		{"card 4242.4242.4242.4242, cvv 317, exp 09/29", []string{"CREDIT_DEBIT_CARD_NUMBER 4242.4242.4242.4242", "CREDIT_DEBIT_CARD_CVV 317", "CREDIT_DEBIT_CARD_EXPIRY 09/29"}},
		{"the visa ending in 4417", []string{"CREDIT_DEBIT_CARD_LAST4 4417"}},
		{"shown as **** **** **** 8812", []string{"CREDIT_DEBIT_CARD_LAST4 8812"}},
		{"my PIN is 4821", []string{"PIN 4821"}},
		// examples of the SWIFT IBAN registry
		{"pay to DE89 3704 0044 0532 0130 00 today", []string{"INTERNATIONAL_BANK_ACCOUNT_NUMBER DE89 3704 0044 0532 0130 00"}},
		{"iban gb29nwbk60161331926819", []string{"INTERNATIONAL_BANK_ACCOUNT_NUMBER gb29nwbk60161331926819"}},
		{"SWIFT code DEUTDEFF500", []string{"SWIFT_CODE DEUTDEFF500"}},
		{"routing number 122105155, account 00881726354", []string{"BANK_ROUTING_NUMBER 122105155", "BANK_ACCOUNT_NUMBER 00881726354"}},
		{"Can you tell me the account number?\n[10:02] Client: sure, 55018273", []string{"BANK_ACCOUNT_NUMBER 55018273"}},
		// SSA, IRS, CMS
		{"her SSN is 219-09-9999", []string{"US_SOCIAL_SECURITY_NUMBER 219-09-9999"}},
		{"social security number 219099999", []string{"US_SOCIAL_SECURITY_NUMBER 219099999"}},
		{"MBI 1EG4-TE5-MK73", []string{"HEALTH_ID 1EG4-TE5-MK73"}},
		// NHS Data Model, HMRC, DVLA
		{"NHS number 943 476 5919", []string{"HEALTH_ID 943 476 5919"}},
		{"my NI number: AB 12 34 56 C", []string{"UK_NINO AB 12 34 56 C"}},
		{"Steuer-ID 65 929 970 489", []string{"DE_TAX_ID 65 929 970 489"}},
		{"con DNI 12345678Z", []string{"ES_NIF 12345678Z"}},
		{"codice fiscale RSSMRA85T10A562S", []string{"IT_FISCAL_CODE RSSMRA85T10A562S"}},
		{"numer PESEL 44051401359", []string{"PL_PESEL 44051401359"}},
		{"CPF 111.444.777-35", []string{"BR_CPF 111.444.777-35"}},
		{"henkilötunnus 131052-308T", []string{"FI_PERSONAL_IDENTITY_CODE 131052-308T"}},
		{"BSN 111222333", []string{"NL_BSN 111222333"}},
		{"tax file number 123456782", []string{"AU_TFN 123456782"}},
		{"TC kimlik no 10000000146", []string{"TR_NATIONAL_ID 10000000146"}},
		{"주민등록번호 900101-1234568", []string{"KR_RRN 900101-1234568"}},
		{"A1234567 is my passport number", []string{"PASSPORT_NUMBER A1234567"}},
		{"driver's license D400-7836-0001", []string{"DRIVER_ID D400-7836-0001"}},
		{"license plate BD51 SMR", []string{"LICENSE_PLATE BD51 SMR"}},
		{"VIN 1M8GDM9AXKP042788", []string{"VEHICLE_IDENTIFICATION_NUMBER 1M8GDM9AXKP042788"}},
		{"write to ana.o'neil+news@mail.example.co.uk.", []string{"EMAIL ana.o'neil+news@mail.example.co.uk"}},
		{"http://u:p@h.example.com/?mail=jo@ex.org", []string{"EMAIL jo@ex.org"}},
		{"from 198.51.100.23:8080", []string{"IP_ADDRESS 198.51.100.23"}},
		{"ping fe80::1ff:fe23:4567:890a now", []string{"IP_ADDRESS fe80::1ff:fe23:4567:890a"}},
		{"mac aa:bb:cc:dd:ee:ff", []string{"MAC_ADDRESS aa:bb:cc:dd:ee:ff"}},
		{"see https://example.com/a?b=c.", []string{"URL https://example.com/a?b=c"}},
		{"call (212) 555-0143 x12", []string{"PHONE (212) 555-0143 x12"}},
		{"reach me: +44 (0)20 7946 0958", []string{"PHONE +44 (0)20 7946 0958"}},
		{"call +442079460958 or 02079460958", []string{"PHONE +442079460958", "PHONE 02079460958"}},
		{"which area code is +44 20 7946 0958?", []string{"PHONE +44 20 7946 0958"}},
		{"Ana,+44 20 7946 0958,75", []string{"PHONE +44 20 7946 0958"}},
		{"the number 219-09-9999 is hers", []string{"US_SOCIAL_SECURITY_NUMBER 219-09-9999"}},
		{"pay with 5555555555554444/10/31", []string{"CREDIT_DEBIT_CARD_NUMBER 5555555555554444"}},
		{"what is the balance of 6011111111111117?", []string{"CREDIT_DEBIT_CARD_NUMBER 6011111111111117"}},
		{"to MT84 MALT 0110 0001 2345 MTLC AST0 01S", []string{"INTERNATIONAL_BANK_ACCOUNT_NUMBER MT84 MALT 0110 0001 2345 MTLC AST0 01S"}},
		{"medical record number MRN-990141", []string{"MEDICAL_RECORD_NUMBER MRN-990141"}},
		{"8171 9068 6304 9569 08/28", []string{"CREDIT_DEBIT_CARD_NUMBER 8171 9068 6304 9569"}},
		{"0312 458 33 19", []string{"PHONE 0312 458 33 19"}},
		{"the office is on 0049 30 901820 now", []string{"PHONE 0049 30 901820"}},
		{"tel. 956 013 059 y 956 013 060", []string{"PHONE 956 013 059", "PHONE 956 013 060"}},
		{"What's your number?\n[3:15 PM] Ana: 555-0123", []string{"PHONE 555-0123"}},
		{"DOB: January 3, 1984; admitted 2024-02-01", []string{"DATE_OF_BIRTH January 3, 1984"}},
		{"nacida el 15 de marzo de 1980", []string{"DATE_OF_BIRTH 15 de marzo de 1980"}},
		{"geboren am 31. Januar 1990", []string{"DATE_OF_BIRTH 31. Januar 1990"}},
		{"生年月日 1990年1月31日", []string{"DATE_OF_BIRTH 1990年1月31日"}},
		{"a 43-year-old, aged 43", []string{"AGE 43", "AGE 43"}},
		{"Mujer de 61 años", []string{"AGE 61 años"}},
		{"MRN: ab-771203-2", []string{"MEDICAL_RECORD_NUMBER ab-771203-2"}},
		{"Member of health insurance number XK5510982", []string{"HEALTH_INSURANCE_ID XK5510982"}},
		{"ICD-10 code J45.909", []string{"DIAGNOSIS J45.909"}},
		{"btc 1BoatSLRHtKNngkdXEeobR76b53LETtpyT", []string{"CRYPTO_WALLET 1BoatSLRHtKNngkdXEeobR76b53LETtpyT"}},
		{"username: river_fox", []string{"USERNAME river_fox"}},
		{"thanks @river_fox9", []string{"USERNAME river_fox9"}},
		{"postcode SW1A 1AA", []string{"POSTCODE SW1A 1AA"}},
	} {
		if d := cmp.Diff(c.want, counted(c.text, scan(c.text))); d != "" {
			t.Errorf("%q: %s", c.text, d)
		}
	}
}

// TestLookAlikesAreLeftAlone: numbers that look like identifiers and are none.
func TestLookAlikesAreLeftAlone(t *testing.T) {
	for _, text := range []string{
		"order 4512887102", "ticket #219099999", "invoice 2024-00871", "ISBN 978-3-16-148410-0", "tracking number 9400111899223197428490",
		"version 1.2.3.4", "v10.15.7.2", "chapter 1.2.3.4.5", "mask 255.255.255.0", "section 3.1.4.1",
		"550e8400-e29b-41d4-a716-446655440000", "d41d8cd98f00b204e9800998ecf8427e", "4bf92f3577b34da6a3ce929d0e0e4736",
		"at 1700000000 and 1700000000123", "costs $1,234,567.89", "4111 1111 1111 1112", "GB29 NWBK 6016 1331 9268 18", "219-00-9999",
		"mail me at a@b", "import react@18.2.0", "@Override public", "std::vector", "fade::bed", "12:30:45", "icon@2x.png",
		"the meeting of 2024-03-01", "since 1990", "20 of 35", "glucose 110 mg/dl (70-110)", "hace 5 años", "x = 123456789", "3.14159265358979",
		"CAS number 7732-18-5", "lottery numbers 34 31 11 32 21 45", "weights 0.9060 0.3317 0.1229", "Fargo ND 58102-4841", "list('0123456789')", "parse 0 123 321", "limit 4294967296.0 here", "Release 2.2.0 (2016-04-21)", "seq for 0208-1978 Kana", "639 101 989 sold",
		"2567929 18137 12841 12363", "the Sha256 crypto function gcryTransformHmacSha256GetKlass", "cookie max-age=60",
		"1-2 3-4 5-6", "page 123-45", "A1234567 units", "call the function 3 times", "pi 3141592653", "the account has 150000 points", "PR 48213 fixes issue 1234567",
	} {
		if got := counted(text, scan(text)); len(got) > 0 {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// TestFieldsSpeak: the name of a field is a cue for its value.
func TestFieldsSpeak(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"date of birth", "03/11/1984", "DATE_OF_BIRTH"},
		{"ssn", "219099999", "US_SOCIAL_SECURITY_NUMBER"},
		{"patient id", "pm-77120-1", "MEDICAL_RECORD_NUMBER"},
		{"account number", "55018273", "BANK_ACCOUNT_NUMBER"},
		{"telefono", "956013059", "PHONE"},
		{"user name", "river", "USERNAME"},
		{"edad", "44", "AGE"},
		{"zip code", "90210", "POSTCODE"},
		{"cvv", "317", "CREDIT_DEBIT_CARD_CVV"},
		{"tax id", "772018273", "TAX_ID"},
	} {
		text := "a," + c.value + ",z"
		got := Scan(nil, &dataclass.Text{Bytes: []byte(text), Names: []string{c.name}, Fields: []dataclass.Field{{Start: 2, End: 2 + len(c.value)}}}, plenty())
		if d := cmp.Diff([]string{c.want + " " + c.value}, counted(text, got)); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
		if bare := counted(text, scan(text)); len(bare) > 0 {
			t.Errorf("%s: %q counts without its name", c.value, bare)
		}
	}
}

// TestFindingsHoldNoText: a cue is a word of ours, never one of the text.
func TestFindingsHoldNoText(t *testing.T) {
	for _, f := range scan("SOCIAL Security NUMBER 219-09-9999, Telefon 030 901820") {
		if f.Cue != strings.ToLower(f.Cue) || f.Rule != "" {
			t.Errorf("%+v", f)
		}
	}
}

func TestCleanTextCostsNoAllocation(t *testing.T) {
	text := &dataclass.Text{Bytes: []byte("The committee met again to look at what the harvest had left behind, e.g. three carts.")}
	b := plenty()
	Scan(nil, text, b)
	if n := testing.AllocsPerRun(100, func() { Scan(nil, text, b) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestBudgetStopsTheScan(t *testing.T) {
	text := strings.Repeat("a@b.example.com ", 20)
	b := &dataclass.Budget{Findings: 3}
	if got := Scan(nil, &dataclass.Text{Bytes: []byte(text)}, b); len(got) != 3 || !b.Overspent {
		t.Errorf("%d findings, overspent %v", len(got), b.Overspent)
	}
	b = &dataclass.Budget{Findings: 9}
	if got := Scan(nil, &dataclass.Text{Bytes: []byte("+44 20 7946 0958")}, b); len(got) > 0 && got[0].Counts() || !b.Overspent {
		t.Errorf("%v, overspent %v without a validation to spend", got, b.Overspent)
	}
}
