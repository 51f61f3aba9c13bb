/**
 * The form in which plates are compared: full-width characters made narrow, letters upper case, dots, dashes and spaces
 * gone. O and I do not stand in a plate's serial (GA 36-2018), so what a person typed there is 0 and 1: from position 3
 * on, as position 2 is the city's letter, which may be O (O for police and cross-city plates).
 */
export function normalisePlate(text: string): string {
  const plain = text
    .normalize('NFKC')
    .toUpperCase()
    // Middle dots in use: · (plates), • ‧ ∙ ・ ⋅ (input methods); NFKC has made ﹒ and ． a full stop.
    .replace(/[\s.·•‧∙・⋅_-]/g, '');
  return Array.from(plain, (character, index) => {
    if (index < 2) return character;
    if (character === 'O') return '0';
    return character === 'I' ? '1' : character;
  }).join('');
}
