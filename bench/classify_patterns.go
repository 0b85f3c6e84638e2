package main

import "regexp"

// identifierPatterns are what a classifier of regular expressions would look
// for: the shapes of the identifiers that Writ finds, without their check
// digits and without what stands around them.
var identifierPatterns = []string{
	`\b(?:\d[ -]?){12,18}\d\b`,                                        // card
	`\b[A-Z]{2}\d{2}[ -]?(?:[A-Z0-9]{4}[ -]?){2,7}[A-Z0-9]{1,4}\b`,    // IBAN
	`\b[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?\b`,                         // SWIFT
	`\b\d{3}[- ]\d{2}[- ]\d{4}\b`,                                     // SSN
	`\b9\d{2}[- ]\d{2}[- ]\d{4}\b`,                                    // ITIN
	`\b\d{2}-\d{7}\b`,                                                 // EIN
	`\b(?:0[0-9]|1[0-2]|2[1-9]|3[0-2])\d{7}\b`,                        // bank routing
	`\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,255}\.[A-Za-z]{2,24}\b`, // e-mail
	`\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b`,
	`\b(?:[0-9a-fA-F]{1,4}:){2,7}[0-9a-fA-F]{1,4}\b`,                   // IPv6
	`\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b`,                      // MAC
	`\+?\d{1,3}[ .-]?\(?\d{1,4}\)?(?:[ .-]?\d{2,4}){2,4}\b`,            // telephone
	`\b[A-HJ-NPR-Z0-9]{17}\b`,                                          // VIN
	`\b[A-CEGHJ-PR-TW-Z]{2}[ -]?\d{2}[ -]?\d{2}[ -]?\d{2}[ -]?[A-D]\b`, // NINO
	`\b\d{3}[ -]?\d{3}[ -]?\d{4}\b`,                                    // NHS
	`\b[1-9]\d{10}\b`,                                                  // German tax number, PESEL
	`\b\d{2}[ ]?\d{6}[ ]?[A-Z][ ]?\d{3}\b`,                             // German social security
	`\b[12]\d{2}(?:0[1-9]|1[0-2])\d{2}\d{3}\d{3}\d{2}\b`,               // NIR
	`\b\d{8}-?[A-HJ-NP-TV-Z]\b`,                                        // NIF
	`\b[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z]\b`,                                 // NIE
	`\b[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]\b`,                // codice fiscale
	`\b\d{6}[-+A]\d{3}[0-9A-Y]\b`,                                      // HETU
	`\b(?:19|20)?\d{6}[-+]?\d{4}\b`,                                    // personnummer
	`\b\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}\b`,                             // Belgian
	`\b\d{3}\.\d{3}\.\d{3}-\d{2}\b`,                                    // CPF
	`\b\d{4}[ -]\d{4}[ -]\d{4}\b`,                                      // Aadhaar, My Number
	`\b[A-Z]{5}\d{4}[A-Z]\b`,                                           // PAN
	`\b[STFGM]\d{7}[A-Z]\b`,                                            // NRIC
	`\b\d{6}-[1-8]\d{6}\b`,                                             // RRN
	`\b\d{3}[ -]\d{3}[ -]\d{3}\b`,                                      // SIN, TFN
	`\b[1-9][A-Z][A-Z0-9]\d-?[A-Z][A-Z0-9]\d-?[A-Z]{2}\d{2}\b`,         // MBI
	`\b[A-Z][A-Z9]\d{7}\b`,                                             // DEA, passport
	`\b[A-TV-Z]\d[0-9AB](?:\.[0-9A-Z]{1,4})?\b`,                        // ICD-10
	`\b(?:bc1|[13])[a-zA-HJ-NP-Z0-9]{25,59}\b`,                         // Bitcoin
	`\b0x[0-9a-fA-F]{40}\b`,                                            // Ethereum
	`\b(?:0?[1-9]|[12]\d|3[01])[/.-](?:0?[1-9]|1[0-2])[/.-](?:19|20)\d{2}\b`,
}

// plainPatterns looks for each, one after another, as such classifiers do: one
// expression for all takes as long and hides what overlaps.
type plainPatterns []*regexp.Regexp

func compilePatterns() plainPatterns {
	var all plainPatterns
	for _, p := range identifierPatterns {
		all = append(all, regexp.MustCompile(p))
	}
	return all
}

func (all plainPatterns) scan(text []byte) (found int) {
	for _, p := range all {
		found += len(p.FindAllIndex(text, -1))
	}
	return found
}
