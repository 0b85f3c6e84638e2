package identifier

import (
	"slices"

	"github.com/writ-project/writ/internal/dataclass"
	n "github.com/writ-project/writ/internal/idnumber"
)

// specs is the table of identifiers with a fixed outline. Among candidates of
// one score and length the first row wins, so rows whose check says more come
// first.
var specs = slices.Concat(cardSpecs, americanSpecs, britishSpecs, europeanSpecs, nordicSpecs, asianSpecs, southernSpecs, documentSpecs, businessSpecs)

// payment cards: ISO/IEC 7812, written bare, in fours, as Amex (4-6-5) and
// Diners (4-6-4) print them, or digit by digit.
var cardSpecs = []spec{
	{dataclass.CardNumber, "luhn", n.Card, []string{
		"dddddddddddd", "dddddddddddddd?d?d?d?d?d?",
		"dddd dddd dddd dddd", "dddd dddd dddd dddd d", "dddd dddd dddd dddd dd", "dddd dddd dddd dddd ddd",
		"dddd dddd dddd", "dddd dddd dddd d", "dddd dddd dddd dd", "dddd dddd dddd ddd",
		"dddd dddddd ddddd", "dddd dddddd dddd", "dddd dddd ddddd", "ddddd ddddd dddddd", "dddddd dddddddddd", "dddddd dddddd dddd",
		"dddd ddddd dddddd", "dddddd dddddddddddddd?", "dddddddd dddddddd", "dddd dddddddddddd", "ddd ddd ddd ddd ddd d?",
		"dd dd dd dd dd dd dd dd",
	}, 85, 95, 85, setOf(cardTopic, last4Topic)},
}

var americanSpecs = []spec{
	{dataclass.SSN, "range", n.SSN, []string{"ddd-dd-dddd"}, 75, 95, 85, setOf(ssnTopic, socialTopic, nationalTopic, taxTopic)},
	{dataclass.SSN, "range", n.SSN, []string{"ddd dd dddd"}, 62, 92, 70, setOf(ssnTopic, socialTopic, nationalTopic, taxTopic)},
	{dataclass.SSN, "range", n.SSN, []string{"ddddddddd", "ddd dddddd", "ddddd dddd", "ddd ddd ddd"}, 20, 88, 30, setOf(ssnTopic)},
	{dataclass.SSN, "range", n.SSN, []string{"ddddddddd"}, 20, 65, 30, setOf(socialTopic)},
	{"US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER", "range", n.ITIN, []string{"ddd-dd-dddd"}, 75, 95, 85, setOf(itinTopic, taxTopic, ssnTopic)},
	{"US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER", "range", n.ITIN, []string{"ddd dd dddd"}, 60, 92, 70, setOf(itinTopic, taxTopic, ssnTopic)},
	{"US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER", "range", n.ITIN, []string{"ddddddddd", "ddd dddddd", "ddddd dddd"}, 20, 88, 30, setOf(itinTopic)},
	{dataclass.BankRouting, "aba", n.ABARouting, []string{"ddddddddd", "dddd dddd d"}, 35, 90, 60, setOf(routingTopic)},
	{dataclass.BankRouting, "aba", n.ABARouting, []string{"dddd-dddd-d"}, 72, 92, 75, setOf(routingTopic)},
	{dataclass.HealthID, "mbi", n.MBI, []string{"dlxd-lxd-lldd", "dlxd lxd lldd"}, 75, 95, 85, setOf(mbiTopic, insuranceTopic, healthTopic)},
	{dataclass.HealthID, "mbi", n.MBI, []string{"dlxdlxdlldd"}, 62, 95, 70, setOf(mbiTopic, insuranceTopic, healthTopic)},
	{dataclass.PractitionerID, "luhn", n.NPI, []string{"dddddddddd"}, 35, 92, 65, setOf(npiTopic, practitionerTopic)},
	{dataclass.PractitionerID, "luhn", n.NPI, []string{"dddd ddd ddd"}, 62, 92, 70, setOf(npiTopic, practitionerTopic)},
	{dataclass.PractitionerID, "dea", n.DEA, []string{"lxddddddd"}, 45, 92, 62, setOf(deaTopic, practitionerTopic)},
	{"CA_SIN", "luhn", n.SIN, []string{"ddd ddd ddd"}, 45, 93, 70, setOf(sinTopic, socialTopic, nationalTopic, taxTopic)},
	{"CA_SIN", "luhn", n.SIN, []string{"ddddddddd"}, 25, 90, 45, setOf(sinTopic, socialTopic)},
	{dataclass.HealthID, "check", checked(n.CAHealth), []string{"dddd ddd ddd", "dddddddddd"}, 35, 88, 45, setOf(healthTopic, insuranceTopic)},
	{dataclass.HealthID, "", shaped(n.CAHealth), []string{"llll dddd dddd"}, 45, 88, 62, setOf(healthTopic, insuranceTopic)},
	{dataclass.NationalID, "curp", n.CURP, []string{"llllddddddllllllxd"}, 85, 95, 85, setOf(mxTopic, nationalTopic)},
	{"BR_CPF", "mod11", n.CPF, []string{"ddd.ddd.ddd-dd", "ddd ddd ddd dd"}, 80, 96, 85, setOf(brTopic, nationalTopic, taxTopic)},
	{"BR_CPF", "mod11", n.CPF, []string{"ddddddddddd", "ddddddddd-dd"}, 62, 93, 65, setOf(brTopic, nationalTopic, taxTopic)},
	{dataclass.TaxID, "mod11", n.ARCUIT, []string{"dd-dddddddd-d", "dd dddddddd d"}, 70, 92, 75, setOf(arTopic, taxTopic)},
	{dataclass.NationalID, "mod11", n.CLRUT, []string{"dd?.ddd.ddd-x"}, 75, 92, 80, setOf(clTopic, nationalTopic, taxTopic)},
	{dataclass.NationalID, "mod11", n.CLRUT, []string{"ddddddd-x", "dddddddd-x", "ddddddddx", "dddddddd"}, 35, 88, 60, setOf(clTopic)},
}

var britishSpecs = []spec{
	{dataclass.HealthID, "mod11", n.NHS, []string{"ddd ddd dddd"}, 55, 95, 70, setOf(nhsTopic, healthTopic, recordTopic)},
	{dataclass.HealthID, "mod11", n.NHS, []string{"dddddddddd"}, 35, 92, 60, setOf(nhsTopic, healthTopic)},
	{"UK_NINO", "prefix", n.NINO, []string{"llddddddl", "ll dd dd dd l", "ll dddddd l", "lldddddd l"}, 78, 95, 85, setOf(ninoTopic, socialTopic, nationalTopic, taxTopic)},
	{dataclass.TaxID, "utr", n.UTR, []string{"dddddddddd", "ddddd ddddd", "ddd ddd dddd", "dddd dddddd"}, 30, 90, 45, setOf(utrTopic)},
	{dataclass.DriverID, "dvla", n.UKDriver, []string{"xxxxxddddddxxxxx", "xxxxx dddddd xxxxx", "xxxxxddddddxxx xx", "xxxxxddddddxx xxx"}, 80, 95, 85, setOf(driverTopic)},
	{dataclass.NationalID, "pps", n.IEPPS, []string{"dddddddl", "dddddddll"}, 50, 92, 65, setOf(iePPSTopic, socialTopic, taxTopic)},
}

var europeanSpecs = []spec{
	{"DE_TAX_ID", "mod11,10", n.DETaxID, []string{"ddddddddddd", "dd ddd ddd ddd"}, 72, 95, 75, setOf(deTaxTopic, taxTopic)},
	{"DE_SOCIAL_SECURITY", "check", n.DESocial, []string{"ddddddddlddd", "dd dddddd l ddd", "dd dddddd l dd d", "dd dd dd dd l ddd"}, 78, 95, 85, setOf(deSocialTopic, socialTopic)},
	{dataclass.HealthID, "check", n.DEHealth, []string{"lddddddddd", "lddd dddddd"}, 62, 95, 75, setOf(insuranceTopic, healthTopic)},
	{dataclass.PractitionerID, "check", n.DEPhysician, []string{"ddddddddd", "dddddd ddd"}, 25, 92, 62, setOf(practitionerTopic)},
	{dataclass.Passport, "check", checked(n.DEIDCard), []string{"lxxxxxxxxx", "lxxxxxxxxd"}, 45, 92, 62, setOf(passportTopic)},
	{dataclass.NationalID, "check", checked(n.DEIDCard), []string{"lxxxxxxxxd", "lxxxxxxxx"}, 45, 92, 0, setOf(nationalTopic)},
	{dataclass.NationalID, "", shaped(n.DEIDCard), []string{"lxxxxxxxx"}, 20, 75, 30, setOf(nationalTopic)},
	{dataclass.Passport, "", shaped(n.DEIDCard), []string{"lxxxxxxxx"}, 20, 80, 0, setOf(passportTopic)},
	{dataclass.Passport, "check", n.DEPassport, []string{"lxxxxxxxd"}, 45, 90, 62, setOf(passportTopic, nationalTopic)},
	{"FR_NIR", "mod97", n.FRNIR, []string{"ddddddxdddddddd", "d dd dd dx ddd ddd dd", "d dd dd dx ddd ddd-dd", "d dd dd dx ddd ddd/dd", "ddddddxdddddd dd"}, 85, 96, 90, setOf(frTopic, socialTopic, nationalTopic)},
	{"FR_NIR", "", frenchKeyless, []string{"ddddddxdddddd", "d dd dd dx ddd ddd"}, 30, 70, 30, setOf(frTopic)},
	{dataclass.TaxID, "", isShape, []string{"dd dd ddd ddd ddd"}, 20, 70, 20, setOf(taxTopic)},
	{"ES_NIF", "mod23", n.ESNIF, []string{"ddddddddl", "dddddddd l", "ddddddd l", "dd.ddd.ddd l", "dd.ddd.dddl", "dd ddd ddd l", "dd ddd dddl", "ddddddd-l", "ldddddddl"}, 72, 95, 80, setOf(nifTopic, nationalTopic, taxTopic)},
	{"ES_NIE", "mod23", n.ESNIE, []string{"ldddddddl", "l ddddddd l", "l d.ddd.ddd l", "l dddddddl", "lddddddd l"}, 78, 95, 85, setOf(nieTopic, nifTopic, nationalTopic, taxTopic)},
	{"ES_SOCIAL_SECURITY", "mod97", n.ESSocial, []string{"dddddddddddd", "dd dddddddd dd", "dd/dddddddd/dd", "dd/dddddddd-dd"}, 62, 93, 65, setOf(esSocialTopic, socialTopic)},
	{"IT_FISCAL_CODE", "check", n.ITFiscalCode, []string{"llllllxxlxxlxxxl", "lll lll xxlxx lxxxl"}, 90, 97, 90, setOf(itTopic, nationalTopic, taxTopic)},
	{"IT_IDENTITY_CARD", "", n.ITIdentityCard, []string{"lldddddll", "lldddddll"}, 60, 90, 65, setOf(itCardTopic, nationalTopic)},
	{"IT_IDENTITY_CARD", "", n.ITIdentityCard, []string{"ll ddddddd", "lldddddd?d?", "dddddddll"}, 20, 82, 30, setOf(itCardTopic)},
	{"PL_PESEL", "weights", n.PESEL, []string{"ddddddddddd"}, 70, 95, 75, setOf(peselTopic, nationalTopic)},
	{dataclass.NationalID, "weights", n.PLIDCard, []string{"lll dddddd", "llldddddd"}, 58, 92, 65, setOf(plCardTopic, nationalTopic)},
	{"NL_BSN", "mod11", n.BSN, []string{"ddddddddd", "dddd dd ddd", "ddd ddd ddd", "ddddd dddd"}, 25, 92, 45, setOf(nlTopic, socialTopic)},
	{"BE_NATIONAL_NUMBER", "mod97", n.BENational, []string{"ddddddddddd", "dd.dd.dd-ddd.dd", "dd dd dd ddd dd", "dddddd ddd dd"}, 75, 96, 80, setOf(beTopic, nationalTopic)},
	{dataclass.NationalID, "mod11", n.ATSocial, []string{"dddddddddd", "dddd dddddd", "dddd dd dd dd"}, 35, 92, 45, setOf(atTopic, socialTopic)},
	{dataclass.NationalID, "ean", n.CHAHV, []string{"ddd.dddd.dddd.dd", "ddddddddddddd", "ddd dddd dddd dd"}, 78, 95, 85, setOf(chTopic, socialTopic)},
	{dataclass.TaxID, "mod11", n.PTNIF, []string{"ddddddddd", "ddd ddd ddd"}, 25, 92, 45, setOf(ptTopic)},
	{dataclass.NationalID, "mod11", n.CZBirthNumber, []string{"dddddd/dddd", "dddddd/ddd"}, 78, 95, 85, setOf(czTopic, nationalTopic)},
	{dataclass.NationalID, "mod11", n.CZBirthNumber, []string{"dddddddddd"}, 35, 90, 45, setOf(czTopic)},
	{dataclass.NationalID, "check", n.ROCNP, []string{"ddddddddddddd"}, 62, 93, 65, setOf(roTopic, nationalTopic)},
}

var nordicSpecs = []spec{
	{"SE_PERSONNUMMER", "luhn", n.SEPersonnummer, []string{"dddddd-dddd", "dddddd+dddd", "dddddddd-dddd", "dddddddd+dddd"}, 72, 95, 80, setOf(seTopic, nationalTopic)},
	{"SE_PERSONNUMMER", "luhn", n.SEPersonnummer, []string{"dddddddddd", "dddddd dddd"}, 35, 92, 45, setOf(seTopic, nationalTopic)},
	{"SE_PERSONNUMMER", "luhn", n.SEPersonnummer, []string{"dddddddddddd", "dddddddd dddd"}, 62, 93, 65, setOf(seTopic, nationalTopic)},
	{"FI_PERSONAL_IDENTITY_CODE", "mod31", finnish, []string{"dddddd-dddx", "dddddd+dddx", "ddddddldddx"}, 80, 96, 85, setOf(fiTopic, nationalTopic)},
	{dataclass.NationalID, "mod11", n.NOBirthNumber, []string{"ddddddddddd", "dddddd ddddd"}, 68, 94, 70, setOf(noTopic, nationalTopic)},
	{dataclass.NationalID, "mod11", checked(n.DKCPR), []string{"dddddd-dddd"}, 66, 94, 70, setOf(dkTopic, nationalTopic)},
	{dataclass.NationalID, "date", shaped(n.DKCPR), []string{"dddddd-dddd", "dddddddddd", "dddddd dddd"}, 20, 85, 30, setOf(dkTopic)},
}

var asianSpecs = []spec{
	{"IN_AADHAAR", "verhoeff", n.Aadhaar, []string{"dddd dddd dddd"}, 72, 96, 80, setOf(aadhaarTopic, nationalTopic)},
	{"IN_AADHAAR", "verhoeff", n.Aadhaar, []string{"dddddddddddd"}, 40, 94, 62, setOf(aadhaarTopic, nationalTopic)},
	{"IN_PAN", "shape", n.PAN, []string{"lllllddddl"}, 72, 95, 80, setOf(panTopic, taxTopic)},
	{"IN_VOTER", "", shaped(n.INVoter), []string{"lllddddddd"}, 40, 90, 62, setOf(voterTopic)},
	{"JP_MY_NUMBER", "mod11", n.MyNumber, []string{"dddddddddddd", "dddd dddd dddd"}, 38, 94, 45, setOf(jpTopic, nationalTopic)},
	{dataclass.NationalID, "mod11-2", n.CNResident, []string{"dddddddddddddddddx", "dddddd dddddddd dddx"}, 88, 97, 90, setOf(cnTopic, nationalTopic)},
	{dataclass.NationalID, "mod11", n.HKID, []string{"lddddddx", "llddddddx"}, 45, 92, 60, setOf(hkTopic, nationalTopic)},
	{dataclass.NationalID, "check", n.TWID, []string{"lddddddddd"}, 55, 93, 65, setOf(twTopic, nationalTopic)},
	{"KR_RRN", "date", shaped(n.RRN), []string{"dddddd-ddddddd"}, 72, 95, 80, setOf(krTopic, nationalTopic)},
	{"KR_RRN", "check", checked(n.RRN), []string{"ddddddddddddd"}, 60, 93, 65, setOf(krTopic, nationalTopic)},
	{"KR_RRN", "date", shaped(n.RRN), []string{"ddddddddddddd"}, 30, 88, 45, setOf(krTopic)},
	{"KR_FRN", "date", shaped(n.FRN), []string{"dddddd-ddddddd"}, 72, 95, 80, setOf(krForeignTopic, krTopic, nationalTopic)},
	{"KR_FRN", "check", checked(n.FRN), []string{"ddddddddddddd"}, 60, 93, 65, setOf(krForeignTopic, krTopic)},
	{"KR_FRN", "date", shaped(n.FRN), []string{"ddddddddddddd"}, 30, 88, 45, setOf(krForeignTopic)},
	{"SG_NRIC", "check", n.NRIC, []string{"ldddddddl"}, 78, 96, 85, setOf(sgTopic, nationalTopic)},
	{"TH_TNIN", "mod11", n.THNational, []string{"d dddd ddddd dd d"}, 85, 96, 90, setOf(thTopic, nationalTopic)},
	{"TH_TNIN", "mod11", n.THNational, []string{"ddddddddddddd"}, 60, 94, 65, setOf(thTopic, nationalTopic)},
	{"PH_TIN", "shape", n.PHTIN, []string{"ddd-ddd-ddd-ddd", "ddd-ddd-ddd-ddddd"}, 45, 88, 55, setOf(phTopic, taxTopic)},
	{"PH_TIN", "shape", n.PHTIN, []string{"dddddddddddd", "ddd-ddd-ddd", "dddddddddddddd"}, 20, 75, 30, setOf(phTopic)},
	{"TR_NATIONAL_ID", "mod10", n.TRKimlik, []string{"ddddddddddd"}, 71, 96, 76, setOf(trTopic, nationalTopic)},
	{dataclass.NationalID, "luhn", n.ILID, []string{"ddddddddd"}, 25, 88, 30, setOf(ilTopic)},
}

var southernSpecs = []spec{
	{"AU_TFN", "mod11", n.TFN, []string{"ddd ddd ddd"}, 40, 94, 60, setOf(tfnTopic)},
	{"AU_TFN", "mod11", n.TFN, []string{"ddddddddd", "dddddddd"}, 25, 93, 62, setOf(tfnTopic)},
	{dataclass.HealthID, "weights", n.AUMedicare, []string{"dddd ddddd d", "dddd ddddd d/d", "dddd ddddd d d"}, 70, 94, 75, setOf(mbiTopic, insuranceTopic, healthTopic)},
	{dataclass.HealthID, "weights", n.AUMedicare, []string{"dddddddddd", "ddddddddddd"}, 35, 92, 45, setOf(mbiTopic, insuranceTopic, healthTopic)},
	{dataclass.TaxID, "mod11", n.NZIRD, []string{"dd?d ddd ddd", "dddddddd", "ddddddddd"}, 25, 92, 40, setOf(nzTopic)},
	{"ZA_ID_NUMBER", "luhn", n.ZAID, []string{"ddddddddddddd", "dddddd dddd ddd", "dddddd dddd d d d", "dddddd dddd dd d"}, 68, 95, 72, setOf(zaTopic, nationalTopic)},
	{dataclass.NationalID, "shape", n.NIN, []string{"ddddddddddd"}, 20, 80, 30, setOf(ngTopic)},
}

func shaped(f func([]byte) (ok, checked bool)) func([]byte) bool {
	return func(b []byte) bool { ok, _ := f(b); return ok }
}

func checked(f func([]byte) (ok, checked bool)) func([]byte) bool {
	return func(b []byte) bool { ok, checked := f(b); return ok && checked }
}
