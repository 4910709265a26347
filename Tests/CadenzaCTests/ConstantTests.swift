import CCadenza
@testable import Cadenza
import Testing

/// What the engine and the header both state, they state alike.
@Suite("The header's constants, from Swift")
struct ConstantTests {
  @Test func version() {
    #expect(Version.major == UInt32(CADENZA_VERSION_MAJOR))
    #expect(Version.minor == UInt32(CADENZA_VERSION_MINOR))
    #expect(Version.patch == UInt32(CADENZA_VERSION_PATCH))
    #expect(Version.string.description == "\(CADENZA_VERSION_MAJOR).\(CADENZA_VERSION_MINOR).\(CADENZA_VERSION_PATCH)")
  }

  @Test func statuses() {
    #expect(Status.ok.rawValue == CADENZA_OK)
    #expect(Status.end.rawValue == CADENZA_END)
    #expect(Status.underrun.rawValue == CADENZA_UNDERRUN)
    #expect(Status.eventsLost.rawValue == CADENZA_EVENTS_LOST)
    #expect(Status.invalidArgument.rawValue == CADENZA_ERROR_INVALID_ARGUMENT)
    #expect(Status.io.rawValue == CADENZA_ERROR_IO)
    #expect(Status.format.rawValue == CADENZA_ERROR_FORMAT)
    #expect(Status.unsupported.rawValue == CADENZA_ERROR_UNSUPPORTED)
    #expect(Status.outOfMemory.rawValue == CADENZA_ERROR_OUT_OF_MEMORY)
    #expect(Status.numeric.rawValue == CADENZA_ERROR_NUMERIC)
    #expect(Status.state.rawValue == CADENZA_ERROR_STATE)
  }

  @Test func parameters() {
    #expect(Parameter.temperature.rawValue == CADENZA_PARAMETER_TEMPERATURE)
    #expect(Parameter.topK.rawValue == CADENZA_PARAMETER_TOP_K)
    #expect(Parameter.topP.rawValue == CADENZA_PARAMETER_TOP_P)
    #expect(Parameter.gain.rawValue == CADENZA_PARAMETER_GAIN)
    #expect(Parameter.tempo.rawValue == CADENZA_PARAMETER_TEMPO)
    #expect(Parameter.mix.rawValue == CADENZA_PARAMETER_MIX)
    #expect(Stream.encodedSlots == Int(CADENZA_ENCODED_SLOTS))
    #expect(Parameter.allCases.count == 6)
  }

  @Test func events() {
    #expect(NoteEvent.Kind.noteOn.rawValue == CADENZA_EVENT_NOTE_ON)
    #expect(NoteEvent.Kind.noteOff.rawValue == CADENZA_EVENT_NOTE_OFF)
    #expect(NoteEvent.Kind.end.rawValue == CADENZA_EVENT_END)
    #expect(EventBuffer.capacity == Int(CADENZA_MAX_EVENTS))
  }

  @Test func renderModes() {
    #expect(RenderMode.realtime.rawValue == CADENZA_RENDER_REALTIME)
    #expect(RenderMode.offline.rawValue == CADENZA_RENDER_OFFLINE)
  }

  @Test func everyVoice() {
    #expect(Stream.allVoices == Int(CADENZA_ALL_VOICES))
  }

  @Test func mostFramesOfABlock() {
    #expect(StreamOptions.maximumFrames == Int(CADENZA_MAX_BLOCK_FRAMES))
  }
}
