/// A saved state's frame: what it belongs to, and a checksum against damage. All little-endian.
///
///     8 bytes   "CADENZA" and the version of this layout
///     8 bytes   fingerprint of the model
///     8 bytes   bytes in all
///     8 bytes   checksum of what follows
///     8 bytes   versions 6, 7 and 8: the rates of the output and of given audio, in Hz, 4 bytes each
///     8 bytes   versions 7 and 8: voices that play notes, 4 bytes, then 4 of zeros
///     8 bytes   version 7: fingerprint of the instrument's model; 0: no instrument
///     …         parameters, then what the player saves: `StreamCore.save`, in version 7 `Composer.save`, in version 8 `NoteCore.save`
///     8 bytes   frames that the stream renders ahead, 4 bytes, then 4 of zeros
///     48 bytes  `OutputStage.save`
///     …         `RenderAhead.save`, of a stream that renders ahead
///     …         `LatentMix.save`, of a stream whose model, or whose instrument's, has an encoder
///
/// A stream that converts nothing writes version 5, others version 6. A composer's writes version 7, a stream that plays the host's
/// notes version 8. Versions 1 to 4 lacked what follows the player, and are refused.
enum SavedHeader {
  static let byteCount = 32
  /// Of the rates.
  static let ratesByteCount = 8
  /// Of the frames rendered ahead.
  static let aheadByteCount = 8

  /// What lies between the header's checksum and the parameters.
  enum Layout: UInt64 {
    // "CADENZA" and the version, little-endian.
    case plain = 0x05_41_5A_4E_45_44_41_43
    case converting = 0x06_41_5A_4E_45_44_41_43
    case composer = 0x07_41_5A_4E_45_44_41_43
    case notes = 0x08_41_5A_4E_45_44_41_43

    /// Bytes up to the parameters.
    var byteCount: Int {
      switch self {
      case .plain: SavedHeader.byteCount
      case .converting: SavedHeader.byteCount + SavedHeader.ratesByteCount
      case .composer: SavedHeader.byteCount + SavedHeader.ratesByteCount + 16
      case .notes: SavedHeader.byteCount + SavedHeader.ratesByteCount + 8
      }
    }

    /// Which are saved, in this order.
    var parameters: [Parameter] {
      switch self {
      case .plain, .converting, .notes: [.temperature, .topK, .topP, .gain]
      case .composer: [.temperature, .topK, .topP, .gain, .tempo]
      }
    }

    var parametersByteCount: Int { parameters.count * 4 }
  }
}

/// A 64-bit hash of bytes, eight at a time: FNV-1a's step on words, with a final mix. It tells files apart and finds damage; it does
/// not withstand forgers.
func fingerprint(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
  var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ UInt64(bytes.count)
  var offset = 0
  while offset + 8 <= bytes.count {
    hash = (hash ^ UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))) &* 0x100_0000_01B3
    hash ^= hash &>> 29
    offset += 8
  }
  while offset < bytes.count {
    hash = (hash ^ UInt64(bytes[offset])) &* 0x100_0000_01B3
    offset += 1
  }
  hash ^= hash &>> 32
  return hash &* 0x9E37_79B9_7F4A_7C15
}
