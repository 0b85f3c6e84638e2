package idnumber

// named are all checks by name; those of two values count as holding where the
// check digit does.
var named = map[string]func([]byte) bool{
	"Luhn": Luhn, "Mod97": Mod97, "Mod11_2": Mod11_2, "Mod11_10": Mod11_10, "Mod37_36": Mod37_36, "Verhoeff": Verhoeff,
	"Card": Card, "IBAN": IBAN, "ABARouting": ABARouting, "BIC": BIC, "ISIN": ISIN, "LEI": LEI, "BitcoinAddress": BitcoinAddress,
	"Ethereum": checkedBy(Ethereum), "SSN": SSN, "ITIN": ITIN, "EIN": EIN, "MBI": MBI, "NPI": NPI, "DEA": DEA,
	"NHS": NHS, "NINO": NINO, "UTR": UTR, "UKDriver": UKDriver, "UKVAT": UKVAT, "IEPPS": IEPPS,
	"DETaxID": DETaxID, "DESocial": DESocial, "DEHealth": DEHealth, "DEPhysician": DEPhysician, "DEVAT": DEVAT, "DEIDCard": checkedBy(DEIDCard), "DEPassport": DEPassport,
	"FRNIR": FRNIR, "FRSIREN": FRSIREN, "FRSIRET": FRSIRET, "ESNIF": ESNIF, "ESNIE": ESNIE, "ESCIF": ESCIF, "ESSocial": ESSocial, "PTNIF": PTNIF,
	"ITFiscalCode": ITFiscalCode, "ITVAT": ITVAT, "ITIdentityCard": ITIdentityCard,
	"PESEL": PESEL, "NIP": NIP, "REGON": REGON, "PLIDCard": PLIDCard, "CZBirthNumber": CZBirthNumber, "ROCNP": ROCNP,
	"BSN": BSN, "BENational": BENational, "BEVAT": BEVAT,
	"SEPersonnummer": SEPersonnummer, "SEOrganisation": SEOrganisation, "HETU": HETU, "NOBirthNumber": NOBirthNumber, "DKCPR": checkedBy(DKCPR),
	"ATSocial": ATSocial, "CHAHV": CHAHV,
	"CPF": CPF, "CNPJ": CNPJ, "CURP": CURP, "ARCUIT": ARCUIT, "CLRUT": CLRUT, "SIN": SIN, "CAHealth": checkedBy(CAHealth),
	"Aadhaar": Aadhaar, "PAN": PAN, "GSTIN": checkedBy(GSTIN), "INVoter": checkedBy(INVoter), "INPassport": INPassport,
	"TFN": TFN, "ABN": ABN, "ACN": ACN, "AUMedicare": AUMedicare, "NZIRD": NZIRD,
	"MyNumber": MyNumber, "RRN": checkedBy(RRN), "FRN": checkedBy(FRN), "KRBusiness": KRBusiness,
	"CNResident": CNResident, "HKID": HKID, "TWID": TWID, "NRIC": NRIC, "UEN": UEN, "THNational": THNational, "PHTIN": PHTIN,
	"TRKimlik": TRKimlik, "ZAID": ZAID, "NIN": NIN, "ILID": ILID,
	"VIN": checkedBy(VIN), "IMEI": IMEI, "ICD10": ICD10, "Country": Country,
}

func checkedBy(f func([]byte) (ok, checked bool)) func([]byte) bool {
	return func(b []byte) bool {
		ok, checked := f(b)
		return ok && checked
	}
}
