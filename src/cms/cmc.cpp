#include "cms/cmc.hpp"

#include <limits>

#include "asn1/whole.hpp"

namespace vouch::cms {
namespace {

using asn1::Reader, asn1::Tag, asn1::Writer;

constexpr std::size_t kMaxParts = 64;  // of each sequence: a message asks for one certificate, or a few

Result<std::uint32_t> read_body_part(Reader& reader) {
  const std::uint64_t number = TRY(reader.expect_uint64().context("reading bodyPartID"));
  if (number > std::numeric_limits<std::uint32_t>::max())
    return make_error(Errc::malformed, "bodyPartID {} is above 32 bits", number);
  return static_cast<std::uint32_t>(number);
}

// Calls `read` for each element, at most kMaxParts times.
template <class Read>
Status for_each_part(Reader list, Read&& read) {
  for (std::size_t count = 0; !list.at_end(); ++count) {
    if (count == kMaxParts) return make_error(Errc::limit_exceeded, "more than {} parts", kMaxParts);
    TRY(read(list));
  }
  return ok();
}

Status read_controls(Reader& fields, std::vector<TaggedAttributeView>& out) {
  return for_each_part(TRY(fields.expect_sequence()), [&](Reader& list) -> Status {
    Reader element = TRY(list.expect_sequence());
    TaggedAttributeView control;
    control.body_part = TRY(read_body_part(element));
    control.type = TRY(element.expect_oid());
    control.values = TRY(element.expect(Tag::set));
    TRY(element.finish());
    out.push_back(control);
    return ok();
  });
}

Status read_requests(Reader& fields, PkiDataView& view) {
  return for_each_part(TRY(fields.expect_sequence()), [&](Reader& list) -> Status {
    if (list.peek() != asn1::context_constructed(0)) {
      const asn1::Tlv other = TRY(list.next());
      if (other.tag != asn1::context_constructed(1) && other.tag != asn1::context_constructed(2))
        return make_error(Errc::malformed, "a request with tag 0x{:02x}", unsigned(other.tag));
      ++view.other_requests;
      return ok();
    }
    Reader element = TRY(list.expect_constructed(asn1::context_constructed(0)));
    TaggedRequestView request;
    request.body_part = TRY(read_body_part(element));
    request.request = TRY(element.expect_tlv(Tag::sequence)).whole;
    TRY(element.finish());
    view.requests.push_back(request);
    return ok();
  });
}

// cmsSequence and otherMsgSequence: present, and not looked into.
Status skip_messages(Reader& fields) {
  (void)TRY(fields.expect_sequence().context("reading cmsSequence"));
  (void)TRY(fields.expect_sequence().context("reading otherMsgSequence"));
  return fields.finish();
}

Status read_pki_data(Bytes der, PkiDataView& view) {
  Reader fields = TRY(asn1::whole_sequence(der));
  TRY(read_controls(fields, view.controls).context("reading controlSequence"));
  TRY(read_requests(fields, view).context("reading reqSequence"));
  return skip_messages(fields);
}

Result<CmcStatusInfo> parse_status(Bytes value) {
  Reader fields = TRY(asn1::whole_sequence(value));
  CmcStatusInfo out;
  const std::uint64_t status = TRY(fields.expect_uint64());
  if (status > 7 || status == 1) return make_error(Errc::malformed, "cMCStatus {} is not known", status);
  out.status = CmcStatus(status);
  out.bodies.clear();
  TRY(for_each_part(TRY(fields.expect_sequence()), [&](Reader& list) -> Status {
    out.bodies.push_back(TRY(read_body_part(list)));
    return ok();
  }));
  if (const auto text = TRY(fields.optional(Tag::utf8_string)))
    out.text = TRY(x509::string_to_utf8(Tag::utf8_string, *text));
  if (fields.peek() == Tag::integer) {
    out.fail_info = TRY(read_body_part(fields));
  } else if (auto pending = TRY(fields.optional_constructed(Tag::sequence))) {
    CmcStatusInfo::Pending info;
    info.token = to_buffer(TRY(pending->expect_octet_string()));
    info.time = TRY(pending->expect_generalized_time());
    TRY(pending->finish());
    out.pending = std::move(info);
  }
  TRY(fields.finish());
  return out;
}

void write_control(Writer& out, std::uint32_t body_part, const Oid& type, Bytes values) {
  out.sequence([&] {
    out.integer(body_part);
    out.oid(type);
    out.set([&] { out.raw(values); });
  });
}

void write_status(Writer& out, const CmcStatusInfo& info) {
  out.sequence([&] {
    out.integer(static_cast<std::uint8_t>(info.status));
    out.sequence([&] {
      for (const std::uint32_t body : info.bodies) out.integer(body);
    });
    if (!info.text.empty()) out.string(Tag::utf8_string, info.text);
    if (info.fail_info) out.integer(*info.fail_info);
    if (!info.fail_info && info.pending)
      out.sequence([&] {
        out.octet_string(info.pending->token);
        out.generalized_time(info.pending->time);
      });
  });
}

}  // namespace

Result<PkiDataView> parse_pki_data(Bytes der) {
  PkiDataView view;
  TRY(read_pki_data(der, view).context("reading a CMC request"));
  return view;
}

Buffer encode_pki_data(const PkiDataInput& input) {
  Writer out;
  out.sequence([&] {
    out.sequence([&] {
      for (const PkiDataInput::Control& control : input.controls)
        write_control(out, control.body_part, control.attribute.type, control.attribute.values);
    });
    out.sequence([&] {
      for (const PkiDataInput::Request& request : input.requests)
        out.constructed(asn1::context_constructed(0), [&] {
          out.integer(request.body_part);
          out.raw(request.request);
        });
    });
    out.sequence([] {});
    out.sequence([] {});
  });
  return std::move(out).take();
}

Result<AddAttributesView> parse_add_attributes(Bytes value) {
  Reader fields = TRY(asn1::whole_sequence(value));
  AddAttributesView view;
  view.data_reference = TRY(read_body_part(fields));
  TRY(for_each_part(TRY(fields.expect_sequence()), [&](Reader& list) -> Status {
    view.references.push_back(TRY(read_body_part(list)));
    return ok();
  }));
  view.attributes = TRY(read_attributes(TRY(fields.expect_constructed(Tag::set))));
  TRY(fields.finish());
  return view;
}

Buffer encode_pki_response(const PkiResponseInput& input) {
  Writer status, hash;
  write_status(status, input.status);
  Writer out;
  out.sequence([&] {
    out.sequence([&] {
      write_control(out, 1, oid::kCmcStatusInfo, status.bytes());
      if (input.certificate_hash.empty()) return;
      Writer value;
      value.octet_string(input.certificate_hash);
      hash.sequence([&] {
        hash.integer(0);
        hash.sequence([&] { hash.integer(1); });
        hash.set([&] { hash.raw(encode_attribute({oid::kMsIssuedCertHash, value.bytes()})); });
      });
      write_control(out, 2, oid::kMsAddAttributes, hash.bytes());
    });
    out.sequence([] {});
    out.sequence([] {});
  });
  return std::move(out).take();
}

Result<PkiResponseView> parse_pki_response(Bytes der) {
  PkiResponseView view;
  const auto read = [&]() -> Status {
    Reader fields = TRY(asn1::whole_sequence(der));
    TRY(read_controls(fields, view.controls).context("reading controlSequence"));
    TRY(skip_messages(fields));
    for (const TaggedAttributeView& control : view.controls) {
      if (control.type != oid::kCmcStatusInfo) continue;
      view.status = TRY(parse_status(control.values).context("reading CMCStatusInfo"));
      break;
    }
    return ok();
  };
  TRY(read().context("reading a CMC response"));
  return view;
}

Result<std::pair<std::string, std::string>> parse_name_value_pair(Bytes value) {
  Reader fields = TRY(asn1::whole_sequence(value));
  std::pair<std::string, std::string> out;
  for (std::string* text : {&out.first, &out.second})
    *text = TRY(x509::string_to_utf8(Tag::bmp_string, TRY(fields.expect(Tag::bmp_string))));
  TRY(fields.finish());
  return out;
}

}  // namespace vouch::cms
