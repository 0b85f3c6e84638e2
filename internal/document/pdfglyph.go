package document

import (
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// glyphs are names of Adobe's Glyph List that are not put together from a
// letter and an accent.
var glyphs = map[string]rune{
	"space": ' ', "nbspace": ' ', "exclam": '!', "quotedbl": '"', "numbersign": '#', "dollar": '$', "percent": '%', "ampersand": '&', "quotesingle": '\'',
	"parenleft": '(', "parenright": ')', "asterisk": '*', "plus": '+', "comma": ',', "hyphen": '-', "minus": '-', "sfthyphen": '-', "period": '.', "slash": '/',
	"zero": '0', "one": '1', "two": '2', "three": '3', "four": '4', "five": '5', "six": '6', "seven": '7', "eight": '8', "nine": '9',
	"colon": ':', "semicolon": ';', "less": '<', "equal": '=', "greater": '>', "question": '?', "at": '@', "bracketleft": '[', "backslash": '\\',
	"bracketright": ']', "asciicircum": '^', "underscore": '_', "grave": '`', "braceleft": '{', "bar": '|', "braceright": '}', "asciitilde": '~',
	"quoteleft": '‘', "quoteright": '’', "quotedblleft": '“', "quotedblright": '”', "quotesinglbase": '‚', "quotedblbase": '„', "guillemotleft": '«', "guillemotright": '»',
	"guilsinglleft": '‹', "guilsinglright": '›', "endash": '–', "emdash": '—', "bullet": '•', "ellipsis": '…', "dagger": '†', "daggerdbl": '‡', "perthousand": '‰',
	"periodcentered": '·', "middot": '·', "degree": '°', "section": '§', "paragraph": '¶', "copyright": '©', "registered": '®', "trademark": '™', "ordfeminine": 'ª', "ordmasculine": 'º',
	"Euro": '€', "sterling": '£', "yen": '¥', "cent": '¢', "currency": '¤', "florin": 'ƒ', "exclamdown": '¡', "questiondown": '¿', "germandbls": 'ß', "AE": 'Æ', "ae": 'æ', "OE": 'Œ', "oe": 'œ',
	"Oslash": 'Ø', "oslash": 'ø', "Eth": 'Ð', "eth": 'ð', "Thorn": 'Þ', "thorn": 'þ', "Lslash": 'Ł', "lslash": 'ł', "Dcroat": 'Đ', "dcroat": 'đ', "dotlessi": 'ı', "mu": 'µ', "multiply": '×', "divide": '÷',
	"plusminus": '±', "logicalnot": '¬', "brokenbar": '¦', "onequarter": '¼', "onehalf": '½', "threequarters": '¾', "onesuperior": '¹', "twosuperior": '²', "threesuperior": '³', "fraction": '⁄',
	"fi": 'ﬁ', "fl": 'ﬂ', "ff": 'ﬀ', "ffi": 'ﬃ', "ffl": 'ﬄ', "acute": '´', "dieresis": '¨', "cedilla": '¸', "macron": '¯', "circumflex": 'ˆ', "tilde": '˜', "caron": 'ˇ', "ring": '˚', "breve": '˘', "ogonek": '˛', "dotaccent": '˙', "hungarumlaut": '˝',
	"circlecopyrt": '©', "asteriskmath": '*', "arrowright": '→', "arrowleft": '←', "lessequal": '≤', "greaterequal": '≥', "notequal": '≠', "approxequal": '≈', "infinity": '∞', "summation": '∑', "radical": '√', "integral": '∫', "lozenge": '◊', "partialdiff": '∂', "product": '∏', "visiblespace": ' ',
	"Alpha": 'Α', "Beta": 'Β', "Gamma": 'Γ', "Delta": 'Δ', "Theta": 'Θ', "Lambda": 'Λ', "Xi": 'Ξ', "Pi": 'Π', "Sigma": 'Σ', "Phi": 'Φ', "Psi": 'Ψ', "Omega": 'Ω', "alpha": 'α', "beta": 'β', "gamma": 'γ', "delta": 'δ', "epsilon": 'ε',
	"theta": 'θ', "kappa": 'κ', "lambda": 'λ', "nu": 'ν', "xi": 'ξ', "pi": 'π', "rho": 'ρ', "sigma": 'σ', "tau": 'τ', "phi": 'φ', "chi": 'χ', "psi": 'ψ', "omega": 'ω', "eta": 'η', "zeta": 'ζ',
}

// accents are the ends of names such as eacute.
var accents = []struct {
	name string
	mark rune
}{
	{"acute", 0x301}, {"grave", 0x300}, {"circumflex", 0x302}, {"dieresis", 0x308}, {"tilde", 0x303}, {"cedilla", 0x327}, {"ring", 0x30a}, {"caron", 0x30c},
	{"ogonek", 0x328}, {"dotaccent", 0x307}, {"breve", 0x306}, {"macron", 0x304}, {"hungarumlaut", 0x30b}, {"commaaccent", 0x326},
}

// glyph is the character of a glyph's name, 0 where the name says nothing.
func glyph(name string) rune {
	name, _, _ = strings.Cut(name, ".") // one.oldstyle is still a one
	if c, ok := glyphs[name]; ok {
		return c
	}
	if len(name) == 1 && letter(name[0]) {
		return rune(name[0])
	}
	for _, prefix := range []string{"uni", "u"} {
		if hex, ok := strings.CutPrefix(name, prefix); ok && len(hex) >= 4 && len(hex) <= 6 {
			if n, err := strconv.ParseUint(hex, 16, 21); err == nil {
				return rune(n)
			}
		}
	}
	for _, a := range accents {
		if stem, ok := strings.CutSuffix(name, a.name); ok && len(stem) == 1 {
			for _, c := range norm.NFC.String(stem + string(a.mark)) {
				return c
			}
		}
	}
	return 0
}
