package idnumber

import "testing"

// published are examples of the issuers or of the standards, and where none is
// known numbers of another library or made by the rule, with the place of
// the check digit (-1 where there is none) and whether the scheme catches every
// wrong digit or only a wrong check digit.
var published = []struct {
	name, number string
	check        int
	all          bool
	source       string
}{
	{"Luhn", "79927398713", 10, true, "ISO/IEC 7812-1, common worked example"},
	{"Verhoeff", "2363", 3, true, "Verhoeff 1969, worked example"},
	{"Mod97", "79444", 4, true, "ISO 7064, 97-10"},
	{"Mod11_2", "07940", 4, true, "ISO 7064, 11-2"},
	{"Mod11_10", "07945", 4, true, "ISO 7064, 11,10"},
	{"Mod37_36", "A12425GABC1234002M", 17, true, "ISO 7064, 37,36; GRid standard"},
	{"Card", "4111111111111111", 15, true, "Visa test number of payment processors"},
	{"Card", "4222222222222", 12, true, "Visa of 13 digits, PayPal test numbers"},
	{"Card", "5555555555554444", 15, true, "Mastercard, Stripe testing"},
	{"Card", "2223003122003222", 15, true, "Mastercard series 2, Stripe testing"},
	{"Card", "378282246310005", 14, true, "American Express, PayPal test numbers"},
	{"Card", "6011111111111117", 15, true, "Discover, PayPal test numbers"},
	{"Card", "30569309025904", 13, true, "Diners Club, PayPal test numbers"},
	{"Card", "3530111333300000", 15, true, "JCB, PayPal test numbers"},
	{"Card", "6200000000000005", 15, true, "UnionPay, Stripe testing"},
	{"Card", "6205500000000000004", 18, true, "UnionPay of 19 digits, Stripe testing"},
	{"Card", "6759649826438453", 15, true, "Maestro, Worldpay test cards"},
	{"IBAN", "GB29NWBK60161331926819", 3, true, "IBAN registry"},
	{"IBAN", "DE89370400440532013000", 3, true, "IBAN registry"},
	{"IBAN", "FR1420041010050500013M02606", 3, true, "IBAN registry"},
	{"IBAN", "ES9121000418450200051332", 3, true, "IBAN registry"},
	{"IBAN", "IT60X0542811101000000123456", 3, true, "IBAN registry"},
	{"IBAN", "NL91ABNA0417164300", 3, true, "IBAN registry"},
	{"IBAN", "PL61109010140000071219812874", 3, true, "IBAN registry"},
	{"IBAN", "BE68539007547034", 3, true, "IBAN registry"},
	{"IBAN", "NO9386011117947", 3, true, "IBAN registry"},
	{"IBAN", "MT84MALT011000012345MTLCAST001S", 3, true, "IBAN registry"},
	{"IBAN", "MU17BOMM0101101030300200000MUR", 3, true, "IBAN registry"},
	{"IBAN", "BR1800360305000010009795493C1", 3, true, "IBAN registry"},
	{"IBAN", "SC18SSCB11010000000000001497USD", 3, true, "IBAN registry"},
	{"IBAN", "LC55HEMM000100010012001200023015", 3, true, "IBAN registry"},
	{"IBAN", "RU0204452560040702810412345678901", 3, true, "IBAN registry"},
	{"IBAN", "MN121234123456789123", 3, true, "IBAN registry"},
	{"IBAN", "NI45BAPR00000013000003558124", 3, true, "IBAN registry"},
	{"IBAN", "OM810180000001299123456", 3, true, "IBAN registry"},
	{"IBAN", "SO211000001001000100141", 3, true, "IBAN registry"},
	{"IBAN", "YE15CBYE0001018861234567891234", 3, true, "IBAN registry"},
	{"IBAN", "HN88CABF00000000000250005469", 3, true, "IBAN registry"},
	{"IBAN", "FK88SC123456789012", 3, true, "IBAN registry"},
	{"ABARouting", "021000021", 8, true, "ABA, JPMorgan Chase"},
	{"BIC", "DEUTDEFF500", -1, false, "ISO 9362 example, Deutsche Bank"},
	{"ISIN", "US0378331005", 11, true, "ISO 6166, Apple Inc."},
	{"LEI", "506700GE1G29325QX363", 19, true, "GLEIF's own"},
	{"BitcoinAddress", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", -1, true, "Bitcoin's first block"},
	{"BitcoinAddress", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", -1, true, "BIP 173"},
	{"BitcoinAddress", "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", -1, true, "BIP 173"},
	{"BitcoinAddress", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", -1, true, "BIP 350"},
	{"Ethereum", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", -1, false, "EIP-55"},
	{"Ethereum", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359", -1, false, "EIP-55"},
	{"Ethereum", "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", -1, false, "EIP-55"},
	{"Ethereum", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb", -1, false, "EIP-55"},
	{"SSN", "078051120", -1, false, "SSA, history of the number on a wallet's sample card"},
	{"ITIN", "900700000", -1, false, "made within the first range of IRS Pub. 1915"},
	{"EIN", "123456789", -1, false, "made within the assigned prefixes"},
	{"MBI", "1EG4TE5MK73", -1, false, "CMS, Understanding the MBI format"},
	{"NPI", "1234567893", 9, true, "CMS, NPI check digit calculation"},
	{"DEA", "AB1234563", 8, false, "DEA diversion control, worked example"},
	{"NHS", "9434765919", 9, true, "NHS Digital test number"},
	{"NHS", "4010232137", 9, true, "NHS Data Dictionary"},
	{"NINO", "AB123456C", -1, false, "made by the rules; the printed example QQ123456C is never valid"},
	{"UTR", "1955839661", 0, false, "HMRC scheme, vector of python-stdnum"},
	{"UKDriver", "MORGA657054SM9IJ", -1, false, "DVLA specimen"},
	{"UKVAT", "980780684", 8, false, "vector of python-stdnum"},
	{"IEPPS", "1234567T", 7, false, "Revenue, PPSN check character"},
	{"IEPPS", "1234567FA", 7, false, "Revenue, PPSN check character with a second letter"},
	{"DETaxID", "86095742719", 10, true, "BZSt, test number"},
	{"DETaxID", "26954371827", 10, true, "BZSt, number of the scheme since 2016"},
	{"DESocial", "15070649C103", 11, false, "DRV, Versicherungsnummer"},
	{"DESocial", "65170839J003", 11, false, "made by the scheme of VKVV § 2"},
	{"DEHealth", "A123456780", 9, true, "gematik, worked example"},
	{"DEPhysician", "123456601", 6, false, "KBV, Arztnummern"},
	{"DEVAT", "136695976", 8, true, "BZSt, Aufbau der USt-IdNr."},
	{"DEIDCard", "T220001293", 9, false, "BMI, specimen of the identity card of 2010"},
	{"DEIDCard", "L01X00T471", 9, false, "BMI, specimen of the identity card of 2021"},
	{"DEPassport", "C01X00T41", 8, false, "ICAO Doc 9303, made by the rule from the specimen of 2017 without its last character"},
	{"DEIDCard", "C01X00T478", 9, false, "BMI, specimen of the passport of 2017"},
	{"FRNIR", "255081416802538", 14, true, "INSEE, numéro de sécurité sociale"},
	{"FRNIR", "269054958815780", 14, true, "INSEE, numéro de sécurité sociale"},
	{"FRSIREN", "732829320", 8, true, "INSEE"},
	{"FRSIRET", "73282932000074", 13, true, "INSEE"},
	{"ESNIF", "12345678Z", 8, true, "Ministerio del Interior, cálculo del dígito de control"},
	{"ESNIE", "X1234567L", 8, true, "Ministerio del Interior, cálculo del dígito de control"},
	{"ESCIF", "A58818501", 8, true, "Orden EHA/451/2008, common worked example"},
	{"ESSocial", "281234567840", 11, true, "Seguridad Social, worked example"},
	{"PTNIF", "501964843", 8, false, "vector of python-stdnum"},
	{"ITFiscalCode", "MRTMTT25D09F205Z", 15, true, "Agenzia delle Entrate, worked example"},
	{"ITFiscalCode", "RSSMRA85T10A562S", 15, true, "Agenzia delle Entrate, Mario Rossi"},
	{"ITVAT", "00743110157", 10, true, "Agenzia delle Entrate"},
	{"ITIdentityCard", "CA00000AA", -1, false, "Ministero dell'Interno, specimen"},
	{"PESEL", "44051401458", 10, false, "MSWiA, numer PESEL"},
	{"PESEL", "02070803628", 10, false, "gov.pl, Czym jest numer PESEL"},
	{"NIP", "5260250274", 9, true, "Ministerstwo Finansów, its own"},
	{"REGON", "123456785", 8, false, "GUS, worked example"},
	{"REGON", "12345678512347", 13, false, "GUS, worked example"},
	{"PLIDCard", "ABA300000", 3, true, "MSWiA, worked example"},
	{"CZBirthNumber", "7103192745", 9, true, "vector of python-stdnum"},
	{"ROCNP", "1630615123457", 12, false, "vector of python-stdnum"},
	{"BSN", "111222333", 8, true, "RvIG, test number"},
	{"BENational", "85073003328", 10, false, "vector of python-stdnum"},
	{"BEVAT", "0403170701", 9, true, "Crossroads Bank for Enterprises"},
	{"SEPersonnummer", "8112189876", 9, true, "Skatteverket, SKV 704"},
	{"SEPersonnummer", "198112189876", 11, false, "Skatteverket, SKV 704"},
	{"SEPersonnummer", "7010632391", 9, true, "Skatteverket, SKV 707, coordination number"},
	{"SEOrganisation", "2021005489", 9, true, "Bolagsverket, its own"},
	{"HETU", "131052-308T", 10, true, "DVV, worked example"},
	{"HETU", "010594Y9032", 10, true, "DVV, test identity with a sign of 2023"},
	{"NOBirthNumber", "15108695088", 10, true, "Skatteetaten scheme, vector of python-stdnum"},
	{"DKCPR", "2110625629", 9, true, "vector of python-stdnum"},
	{"ATSocial", "1237010180", 3, false, "Dachverband, worked example"},
	{"CHAHV", "7569217076985", 12, true, "BSV, AHV-Nummer"},
	{"CPF", "11144477735", 10, false, "Receita Federal, worked example"},
	{"CNPJ", "11222333000181", 13, false, "Receita Federal, worked example"},
	{"CNPJ", "12ABC34501DE35", 13, false, "Receita Federal, CNPJ alfanumérico"},
	{"CURP", "HEGG560427MVZRRL04", 17, false, "RENAPO, Instructivo"},
	{"ARCUIT", "20267565393", 10, false, "made by the scheme"},
	{"CLRUT", "125319092", 8, true, "SII scheme, vector of python-stdnum"},
	{"SIN", "046454286", 8, true, "Service Canada, specimen"},
	{"CAHealth", "1234567897", 9, false, "Ontario Ministry of Health, scheme"},
	{"CAHealth", "9698658215", -1, false, "BC Ministry of Health, conformance guide"},
	{"Aadhaar", "234123412346", 11, true, "UIDAI, test number"},
	{"PAN", "AAAPL1234C", -1, false, "Income Tax Department"},
	{"GSTIN", "27AAPFU0939F1ZV", 14, true, "GSTN, worked example"},
	{"INVoter", "WKH1186253", 9, true, "Election Commission, vector of python-stdnum"},
	{"INPassport", "J8369854", -1, false, "Ministry of External Affairs, specimen"},
	{"TFN", "123456782", 8, true, "ATO, worked example"},
	{"ABN", "51824753556", 10, true, "Australian Business Register, the ATO's own"},
	{"ACN", "004085616", 8, false, "ASIC, worked example"},
	{"AUMedicare", "2123456701", 8, false, "Services Australia, worked example"},
	{"NZIRD", "49091850", 7, false, "Inland Revenue, worked example"},
	{"NZIRD", "136410132", 8, false, "Inland Revenue, worked example"},
	{"MyNumber", "123456789018", 11, false, "Ordinance 85/2014, scheme"},
	{"RRN", "9710139019902", 12, false, "scheme, vector of python-stdnum"},
	{"FRN", "8703146001237", 12, false, "made by the scheme; the issuer publishes none"},
	{"KRBusiness", "1248100998", 9, false, "Samsung Electronics' own"},
	{"CNResident", "11010519491231002X", 17, true, "GB 11643-1999"},
	{"HKID", "G123456A", 7, true, "Immigration Department, worked example"},
	{"TWID", "A123456789", 9, false, "Ministry of the Interior, worked example"},
	{"NRIC", "S1234567D", 8, true, "ICA scheme"},
	{"NRIC", "G1234567X", 8, true, "ICA scheme"},
	{"NRIC", "M1234567K", 8, true, "ICA scheme of 2022"},
	{"UEN", "00192200M", 8, false, "ACRA scheme, vector of python-stdnum"},
	{"UEN", "197401143C", 9, false, "ACRA scheme, vector of python-stdnum"},
	{"UEN", "S16FC0121D", 9, false, "ACRA scheme, vector of python-stdnum"},
	{"THNational", "3100600445635", 12, false, "DOPA scheme, vector of python-stdnum"},
	{"PHTIN", "123456789000", -1, false, "made by the shape"},
	{"TRKimlik", "10000000146", 10, true, "NVİ, Atatürk's number"},
	{"ZAID", "8001015009087", 12, true, "Department of Home Affairs, worked example"},
	{"NIN", "23456789019", 10, true, "made by the scheme; the issuer publishes none"},
	{"ILID", "039337423", 8, true, "scheme, vector of python-stdnum"},
	{"VIN", "1M8GDM9AXKP042788", 8, false, "49 CFR 565, worked example"},
	{"VIN", "1HGCM82633A004352", 8, false, "NHTSA vPIC, example"},
	{"IMEI", "490154203237518", 14, true, "GSMA TS.06, worked example"},
	{"ICD10", "E11.9", -1, false, "WHO ICD-10"},
	{"Country", "DE", -1, false, "ISO 3166-1"},
}

func TestPublishedExamplesHold(t *testing.T) {
	for _, p := range published {
		if !named[p.name]([]byte(p.number)) {
			t.Errorf("%s %s (%s) was refused", p.name, p.number, p.source)
		}
	}
}

// TestOneWrongDigitIsRefused: a wrong check digit always, any wrong digit where
// the scheme promises it.
func TestOneWrongDigitIsRefused(t *testing.T) {
	for _, p := range published {
		for i := range len(p.number) {
			if i == p.check || p.all {
				for _, wrong := range substitutes(p.number, i) {
					if named[p.name]([]byte(wrong)) {
						t.Errorf("%s %s passed as %s", p.name, p.number, wrong)
					}
				}
			}
		}
	}
}

func substitutes(number string, at int) []string {
	if c := number[at]; !digit(c) && at < len(number)-1 {
		return nil
	}
	var out []string
	for _, c := range []byte("0123456789") {
		if c != number[at] {
			out = append(out, number[:at]+string(c)+number[at+1:])
		}
	}
	return out
}

// TestEveryCheckHasAnExample keeps the table whole.
func TestEveryCheckHasAnExample(t *testing.T) {
	seen := make(map[string]bool)
	for _, p := range published {
		seen[p.name] = true
	}
	for name := range named {
		if !seen[name] {
			t.Errorf("%s has no published example", name)
		}
	}
}
