package identifier

import (
	"github.com/writ-project/writ/internal/dataclass"
	n "github.com/writ-project/writ/internal/idnumber"
)

// documentSpecs are documents and vehicles: most have no check digit, so they
// count only with a cue, or where the text is nothing else.
var documentSpecs = []spec{
	{dataclass.VIN, "check", checked(n.VIN), []string{"xxxxxxxxxxxxxxxxx"}, 72, 95, 80, setOf(vinTopic)},
	{dataclass.VIN, "", shaped(n.VIN), []string{"xxxxxxxxxxxxxxxxx"}, 30, 88, 50, setOf(vinTopic)},
	{"DEVICE_ID", "luhn", n.IMEI, []string{"ddddddddddddddd", "dd dddddd dddddd d"}, 30, 92, 40, setOf(imeiTopic)},
	{dataclass.Passport, "", isShape, []string{"ldddddddd?", "lddddddddd?", "llddddddd?", "lllddddddd?", "ddddddddd", "ldddldddd", "lddlddddd", "llddddddddd?"}, 20, 85, 0, setOf(passportTopic)},
	{dataclass.Passport, "", isShape, []string{"lddddddd", "ldddldddd"}, 20, 85, 62, setOf(passportTopic)},
	{dataclass.Passport, "", isShape, []string{"dddddddd?", "dd ddddddd", "dd dd dddddd", "lllddddd?", "l ddddddd", "ll ddddddd", "dddddddll", "ddlldddddd?"}, 20, 78, 0, setOf(passportTopic)},
	{dataclass.DriverID, "", isShape, []string{"ldddddddd", "lddddddddd", "lddddddd", "llddddddd?d?", "ddddddddd?d?d?d?", "ddddddddddddd", "dddddddd?", "lddd dddd dddd", "lddd ddd dd ddd d", "lddd ddd dddd", "lddd dddd dddd dd",
		"lddddddddddddd?", "lldd xxxx xxxx", "xxxx xxxx xxxx", "ddlldddddd?", "lld ddddddd", "dd dd ddd ddd", "dd dd dddddd", "ddd ddd ddd", "ddddd/dd/dddd", "lldd dddddddddd?d?", "dd ddddddd"}, 20, 84, 0, setOf(driverTopic)},
	{dataclass.DriverID, "", isShape, []string{"lldddddddl"}, 35, 88, 62, setOf(driverTopic)},
	{dataclass.DriverID, "", korean, []string{"dd-dd-dddddd-dd", "dddddddddddd"}, 40, 88, 60, setOf(driverTopic)},
	{dataclass.LicensePlate, "", britishPlate, []string{"lldd lll", "llddlll"}, 35, 90, 40, setOf(plateTopic)},
	{dataclass.LicensePlate, "", britishPlate, []string{"ldd?d?lll", "ldd?d? lll", "llldd?d?l", "lll dd?d?l"}, 25, 85, 30, setOf(plateTopic)},
	{dataclass.LicensePlate, "", indianPlate, []string{"lldd?l?l?l?dddd", "ll dd l?l?l dddd", "ll-dd-l?l?l-dddd", "lldd l?l?l dddd", "lldd l?l?ldddd"}, 45, 90, 65, setOf(plateTopic)},
	{dataclass.LicensePlate, "", nigerianPlate, []string{"lll-ddd?ll", "lll dddll", "lll-dddll", "llldddll"}, 40, 90, 65, setOf(plateTopic)},
	{dataclass.LicensePlate, "", turkishPlate, []string{"dd l?l?l dd?d?d?", "ddl?l?ldd?d?d?"}, 35, 90, 62, setOf(plateTopic)},
	{dataclass.LicensePlate, "", isShape, []string{"l?l?l ll? dd?d?d?", "l?l?l-ll? dd?d?d?", "dddd lll", "ddddlll", "ll-ddd-ll", "ll ddd ll", "lldddll", "lll dddd", "lll-dddd", "llldddd", "lll ddd", "llldxdd",
		"ddd lll", "dlllddd", "lll dlld", "l?ll dxddd?", "l?ll dddd?x", "ld?dd ddd", "d lll ddd", "ddd ddd", "dd lll d", "dd ddd ll", "d-lll-dd", "d-lll-ddd", "ll-dd-dd", "lldddd"}, 15, 80, 0, setOf(plateTopic)},
	{dataclass.Postcode, "", britishPostcode, []string{"ld dll", "ldd dll", "lld dll", "lldd dll", "ldl dll", "lldl dll"}, 45, 85, 45, setOf(postcodeTopic, addressTopic)},
	{dataclass.Postcode, "", britishPostcode, []string{"lddll", "ldddll", "llddll", "lldddll", "ldldll", "lldldll"}, 20, 80, 20, setOf(postcodeTopic)},
	{dataclass.Postcode, "", isShape, []string{"ddddd", "ddddd-dddd", "dddd", "ddd", "dddddd", "dd-ddd", "ddd dd", "dddd ll", "ddddd-ddd", "dddd-ddd", "ldl dld", "ldldld", "ddd-dddd", "lldddd", "ll-dddd", "ddd ddd"}, 15, 80, 0, setOf(postcodeTopic)},
	{dataclass.HealthID, "", isShape, []string{"dd dddddddd dd", "dd dddddddd ddd?", "dd/dddddddd/dd", "dddddddddddd"}, 25, 86, 30, setOf(healthTopic, insuranceTopic)},
	{dataclass.PractitionerID, "", isShape, []string{"dd dd ddddd", "dd dd dddd", "dd dd dddddd", "ddddddddd", "dd ddddddd", "dd/dddddd?", "dd dd", "dddddd?d?d?", "dd/dd/ddddd"}, 20, 84, 0, setOf(practitionerTopic)},
	{dataclass.Diagnosis, "", n.ICD10, []string{"ldx", "ldx.xx?x?x?"}, 20, 80, 0, setOf(icdTopic)},
	{dataclass.CardExpiry, "", monthYear, []string{"dd/dd", "dd/dddd", "d/dd", "dd-dd", "dd-dddd", "dd dd", "dddd-dd"}, 0, 84, 0, setOf(expiryTopic)},
}

// businessSpecs are numbers of companies, which identify no person: they imply
// no class, and keep their digits from being taken for something else.
var businessSpecs = []spec{
	{dataclass.BusinessID, "mod11", n.CNPJ, []string{"xx.xxx.xxx/xxxx-dd", "xxxxxxxxxxxxdd"}, 70, 95, 75, setOf(vatTopic, taxTopic)},
	{dataclass.BusinessID, "shape", shaped(n.GSTIN), []string{"ddlllllddddldld", "ddlllllddddlxlx"}, 70, 95, 75, setOf(vatTopic, taxTopic)},
	{dataclass.BusinessID, "luhn", n.ITVAT, []string{"ddddddddddd"}, 66, 90, 66, setOf(vatTopic, taxTopic)},
	{dataclass.BusinessID, "mod89", n.ABN, []string{"ddddddddddd", "dd ddd ddd ddd"}, 66, 92, 68, setOf(vatTopic)},
	{dataclass.BusinessID, "weights", n.ACN, []string{"ddd ddd ddd"}, 45, 90, 60, setOf(vatTopic)},
	{dataclass.BusinessID, "weights", n.ACN, []string{"ddddddddd"}, 25, 90, 61, setOf(vatTopic)},
	{dataclass.BusinessID, "luhn", n.SEOrganisation, []string{"dddddd-dddd"}, 68, 92, 70, setOf(vatTopic)},
	{dataclass.BusinessID, "check", n.KRBusiness, []string{"ddd-dd-ddddd"}, 66, 92, 70, setOf(vatTopic)},
	{dataclass.BusinessID, "check", n.KRBusiness, []string{"dddddddddd"}, 33, 90, 61, setOf(vatTopic)},
	{dataclass.BusinessID, "weights", n.NIP, []string{"ddd-ddd-dd-dd", "ddd-dd-dd-ddd"}, 70, 93, 75, setOf(vatTopic, taxTopic)},
	{dataclass.BusinessID, "weights", n.NIP, []string{"dddddddddd", "ddd ddd dd dd"}, 33, 90, 45, setOf(vatTopic, taxTopic)},
	{dataclass.BusinessID, "", isShape, []string{"ddd-ddd-dd-dd", "ddd-dd-dd-ddd"}, 45, 85, 45, setOf(vatTopic, taxTopic)},
	{dataclass.BusinessID, "", isShape, []string{"dddddddddd", "dd ddddddd", "ddddddddd"}, 20, 70, 20, setOf(vatTopic)},
	{dataclass.BusinessID, "weights", n.REGON, []string{"ddddddddd", "dddddddddddddd"}, 25, 88, 30, setOf(vatTopic)},
	{dataclass.BusinessID, "luhn", n.FRSIRET, []string{"dddddddddddddd", "ddd ddd ddd ddddd"}, 40, 90, 60, setOf(vatTopic)},
	{dataclass.BusinessID, "luhn", n.FRSIREN, []string{"ddddddddd", "ddd ddd ddd"}, 25, 88, 30, setOf(vatTopic)},
	{dataclass.BusinessID, "check", n.UEN, []string{"ddddddddl", "dddddddddl", "lddllddddl"}, 65, 92, 72, setOf(vatTopic)},
	{dataclass.BusinessID, "mod11,10", germanVAT, []string{"llddddddddd", "ll ddddddddd", "ll ddd ddd ddd"}, 75, 93, 80, setOf(vatTopic, taxTopic)},
	{dataclass.BusinessID, "mod97", britishVAT, []string{"llddddddddd", "ll ddd dddd dd"}, 72, 93, 80, setOf(vatTopic, taxTopic)},
	{dataclass.BusinessID, "check", n.ESCIF, []string{"ldddddddx", "l ddddddd x", "l dddddddx"}, 60, 90, 70, setOf(vatTopic, nifTopic, taxTopic)},
	{dataclass.BusinessID, "mod97", n.BEVAT, []string{"dddd.ddd.ddd", "dddddddddd"}, 40, 90, 50, setOf(vatTopic, beTopic)},
	{dataclass.TaxID, "shape", n.EIN, []string{"dd-ddddddd"}, 40, 80, 45, setOf(taxTopic, vatTopic)},
}
