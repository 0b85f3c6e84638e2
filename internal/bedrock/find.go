package bedrock

// Find returns the model that answers a call to modelID, as a caller names it,
// and the inference profile it is reached through, empty when there is none.
// The zero Model means that the catalogue does not know.
func (c *Catalogue) Find(modelID string) (m Model, profileID string) {
	ref, err := ParseModelID(modelID)
	if err != nil {
		return Model{}, ""
	}
	id := ref.CatalogueID()
	if p, ok := c.Profile(id); ok {
		m, _ = c.Model(p.Model)
		return m, id
	}
	m, _ = c.Model(id)
	return m, ""
}
