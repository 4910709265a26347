/// One step of a sequence, as networks are fed it and codecs sound it: a token, and its value as a sample of −1 … 1. Networks over
/// tokens read the one, networks over values the other.
struct Element {
  var token: Int
  var value: Float

  @_noLocks
  init(token: Int, value: Float) {
    self.token = token
    self.value = value
  }
}
