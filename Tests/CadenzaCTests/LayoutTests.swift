import CCadenza
import Cadenza
import Testing

/// The binary layout of the header's structures, as Swift sees it. `Tests/c/layout.c` holds C to the same numbers.
@Suite("The header's layout, from Swift")
struct LayoutTests {
  @Test func error() {
    #expect(MemoryLayout<cadenza_error>.size == 516)
    #expect(MemoryLayout<cadenza_error>.offset(of: \.status) == 0)
    #expect(MemoryLayout<cadenza_error>.offset(of: \.message) == 4)
    #expect(MemoryLayout.size(ofValue: cadenza_error().message) == Int(CADENZA_ERROR_MESSAGE_SIZE))
  }

  @Test func modelInfo() {
    #expect(MemoryLayout<cadenza_model_info>.size == 152)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.struct_size) == 0)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.sample_rate) == 4)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.name) == 8)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.description) == 16)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.license) == 24)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.network) == 32)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.codec) == 40)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.instruction_set) == 48)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.parameter_count) == 56)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.weight_bytes) == 64)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.stream_bytes) == 72)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.vocabulary_size) == 80)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.condition_count) == 84)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.receptive_field) == 88)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.training_steps) == 96)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.validation_nats) == 104)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.temperature) == 112)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.top_p) == 116)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.top_k) == 120)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.reserved) == 124)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.clip_frames) == 128)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.decoding) == 136)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.encoder) == 140)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.lowest_pitch) == 144)
    #expect(MemoryLayout<cadenza_model_info>.offset(of: \.highest_pitch) == 148)
  }

  @Test func conditionInfo() {
    #expect(MemoryLayout<cadenza_condition_info>.size == 40)
    #expect(MemoryLayout<cadenza_condition_info>.offset(of: \.struct_size) == 0)
    #expect(MemoryLayout<cadenza_condition_info>.offset(of: \.kind) == 4)
    #expect(MemoryLayout<cadenza_condition_info>.offset(of: \.name) == 8)
    #expect(MemoryLayout<cadenza_condition_info>.offset(of: \.size) == 16)
    #expect(MemoryLayout<cadenza_condition_info>.offset(of: \.frames_per_value) == 20)
    #expect(MemoryLayout<cadenza_condition_info>.offset(of: \.labels) == 24)
    #expect(MemoryLayout<cadenza_condition_info>.offset(of: \.label_count) == 32)
    #expect(MemoryLayout<cadenza_condition_info>.offset(of: \.queue_capacity) == 36)
  }

  @Test func streamOptions() {
    #expect(MemoryLayout<cadenza_stream_options>.size == 64)
    #expect(MemoryLayout<cadenza_stream_options>.offset(of: \.struct_size) == 0)
    #expect(MemoryLayout<cadenza_stream_options>.offset(of: \.sample_rate) == 4)
    #expect(MemoryLayout<cadenza_stream_options>.offset(of: \.max_block_frames) == 8)
    #expect(MemoryLayout<cadenza_stream_options>.offset(of: \.top_k) == 12)
    #expect(MemoryLayout<cadenza_stream_options>.offset(of: \.seed) == 16)
    #expect(MemoryLayout<cadenza_stream_options>.offset(of: \.temperature) == 24)
    #expect(MemoryLayout<cadenza_stream_options>.offset(of: \.top_p) == 28)
    #expect(MemoryLayout<cadenza_stream_options>.offset(of: \.gain) == 32)
    #expect(MemoryLayout<cadenza_stream_options>.offset(of: \.render_ahead_frames) == 36)
    #expect(MemoryLayout<cadenza_stream_options>.offset(of: \.input_sample_rate) == 40)
    #expect(MemoryLayout<cadenza_stream_options>.offset(of: \.voices) == 44)
    #expect(MemoryLayout<cadenza_stream_options>.offset(of: \.smoothing_seconds) == 48)
    #expect(MemoryLayout<cadenza_stream_options>.offset(of: \.output_limit) == 52)
    #expect(MemoryLayout<cadenza_stream_options>.offset(of: \.dc_blocker_hertz) == 56)
    #expect(MemoryLayout<cadenza_stream_options>.offset(of: \.reserved) == 60)
  }

  @Test func instrumentOptions() {
    #expect(MemoryLayout<cadenza_instrument_options>.size == 40)
    #expect(MemoryLayout<cadenza_instrument_options>.offset(of: \.struct_size) == 0)
    #expect(MemoryLayout<cadenza_instrument_options>.offset(of: \.voices) == 4)
    #expect(MemoryLayout<cadenza_instrument_options>.offset(of: \.top_k) == 8)
    #expect(MemoryLayout<cadenza_instrument_options>.offset(of: \.temperature) == 12)
    #expect(MemoryLayout<cadenza_instrument_options>.offset(of: \.top_p) == 16)
    #expect(MemoryLayout<cadenza_instrument_options>.offset(of: \.gain) == 20)
    #expect(MemoryLayout<cadenza_instrument_options>.offset(of: \.attack_seconds) == 24)
    #expect(MemoryLayout<cadenza_instrument_options>.offset(of: \.release_seconds) == 28)
    #expect(MemoryLayout<cadenza_instrument_options>.offset(of: \.transpose) == 32)
    #expect(MemoryLayout<cadenza_instrument_options>.offset(of: \.reserved) == 36)
  }

  @Test func event() {
    #expect(MemoryLayout<cadenza_event>.size == 32)
    #expect(MemoryLayout<cadenza_event>.offset(of: \.frame) == 0)
    #expect(MemoryLayout<cadenza_event>.offset(of: \.kind) == 8)
    #expect(MemoryLayout<cadenza_event>.offset(of: \.voice) == 12)
    #expect(MemoryLayout<cadenza_event>.offset(of: \.pitch) == 16)
    #expect(MemoryLayout<cadenza_event>.offset(of: \.velocity) == 20)
    #expect(MemoryLayout<cadenza_event>.offset(of: \.beat) == 24)
  }

  /// The exports hand the engine the caller's events as they lie in memory.
  @Test func eventIsTheEngines() {
    #expect(MemoryLayout<NoteEvent>.size == MemoryLayout<cadenza_event>.size)
    #expect(MemoryLayout<NoteEvent>.stride == MemoryLayout<cadenza_event>.stride)
    #expect(MemoryLayout<NoteEvent>.alignment == MemoryLayout<cadenza_event>.alignment)
    #expect(MemoryLayout<NoteEvent.Kind>.size == MemoryLayout<cadenza_event_kind>.size)
    #expect(MemoryLayout<NoteEvent>.offset(of: \.frame) == MemoryLayout<cadenza_event>.offset(of: \.frame))
    #expect(MemoryLayout<NoteEvent>.offset(of: \.kind) == MemoryLayout<cadenza_event>.offset(of: \.kind))
    #expect(MemoryLayout<NoteEvent>.offset(of: \.voice) == MemoryLayout<cadenza_event>.offset(of: \.voice))
    #expect(MemoryLayout<NoteEvent>.offset(of: \.pitch) == MemoryLayout<cadenza_event>.offset(of: \.pitch))
    #expect(MemoryLayout<NoteEvent>.offset(of: \.velocity) == MemoryLayout<cadenza_event>.offset(of: \.velocity))
    #expect(MemoryLayout<NoteEvent>.offset(of: \.beat) == MemoryLayout<cadenza_event>.offset(of: \.beat))
  }

  @Test func streamStatistics() {
    #expect(MemoryLayout<cadenza_stream_statistics>.size == 80)
    #expect(MemoryLayout<cadenza_stream_statistics>.offset(of: \.struct_size) == 0)
    #expect(MemoryLayout<cadenza_stream_statistics>.offset(of: \.reserved) == 4)
    #expect(MemoryLayout<cadenza_stream_statistics>.offset(of: \.frames) == 8)
    #expect(MemoryLayout<cadenza_stream_statistics>.offset(of: \.blocks) == 16)
    #expect(MemoryLayout<cadenza_stream_statistics>.offset(of: \.numeric_errors) == 24)
    #expect(MemoryLayout<cadenza_stream_statistics>.offset(of: \.underruns) == 32)
    #expect(MemoryLayout<cadenza_stream_statistics>.offset(of: \.worst_block_seconds) == 40)
    #expect(MemoryLayout<cadenza_stream_statistics>.offset(of: \.mean_block_seconds) == 48)
    #expect(MemoryLayout<cadenza_stream_statistics>.offset(of: \.total_seconds) == 56)
    #expect(MemoryLayout<cadenza_stream_statistics>.offset(of: \.underrun_frames) == 64)
    #expect(MemoryLayout<cadenza_stream_statistics>.offset(of: \.frames_ahead) == 72)
  }
}
