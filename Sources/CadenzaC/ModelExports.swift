import CCadenza
import Cadenza

// A `cadenza_model *` is a Model with one reference counted for whoever holds the pointer.

func handle(_ model: Model) -> OpaquePointer {
  OpaquePointer(Unmanaged.passRetained(model).toOpaque())
}

func unmanagedModel(_ handle: OpaquePointer) -> Unmanaged<Model> {
  Unmanaged.fromOpaque(UnsafeRawPointer(handle))
}

@c @implementation
public func cadenza_model_load(
  _ path: UnsafePointer<CChar>?, _ model: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<cadenza_error>?
) -> cadenza_status {
  guard let model else { return fail(.invalidArgument, "model, the place for the handle, is NULL", error) }
  model.pointee = nil
  guard let path else { return fail(.invalidArgument, "path is NULL", error) }
  do throws(Failure) {
    model.pointee = handle(try Model(terminatedPath: path))
    return succeed(error)
  } catch let failure {
    return fail(failure, error)
  }
}

@c @implementation
public func cadenza_model_load_memory(
  _ bytes: UnsafeRawPointer?, _ size: Int, _ model: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<cadenza_error>?
) -> cadenza_status {
  guard let model else { return fail(.invalidArgument, "model, the place for the handle, is NULL", error) }
  model.pointee = nil
  guard let bytes else { return fail(.invalidArgument, "bytes is NULL", error) }
  guard size >= 0 else { return fail(.invalidArgument, "size is more than an address space holds", error) }
  do throws(Failure) {
    model.pointee = handle(try Model(bytes: UnsafeRawBufferPointer(start: bytes, count: size)))
    return succeed(error)
  } catch let failure {
    return fail(failure, error)
  }
}

@c @implementation
public func cadenza_model_retain(_ model: OpaquePointer?) -> OpaquePointer? {
  if let model { _ = unmanagedModel(model).retain() }
  return model
}

@c @implementation
public func cadenza_model_release(_ model: OpaquePointer?) {
  if let model { unmanagedModel(model).release() }
}
